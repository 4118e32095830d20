"""One command in one container, by the launcher and a real engine."""

import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from docker.errors import APIError
from made_project import environment, launch, run

from stages.containers import supervise
from stages.containers.identity import identify
from stages.containers.orphans import PROJECT_LABEL
from stages.containers.plan import ContainerPlan, caller

NOBODY = 54321  # has no entry in passwd, here or in the image
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code_passes_through(bare, code):
    assert launch(bare, "sh", "-c", f"exit {code}").returncode == code


def test_output_and_errors_arrive_apart_and_whole(bare):
    done = launch(bare, "python3", "-c", "import sys; print('o' * 300000); print('e' * 300000, file=sys.stderr)")
    assert done.stdout == "o" * 300000 + "\n"
    assert done.stderr == "e" * 300000 + "\n"


def test_a_bad_end_is_one_line(bare):
    done = launch(bare, "sh", "-c", "exit 7", env=environment(DVC_STAGE="teach"))
    assert done.stderr == "error: stage teach ended with code 7; see its message above\n"


def test_a_command_that_is_not_there_is_named(bare):
    done = launch(bare, "no-such-program")
    assert done.returncode == 127
    assert "exec no-such-program failed: No such file" in done.stderr


# The launcher itself as another user, everything imported before: this Python may be out of that user's reach.
AS_NOBODY = """import os, sys
from stages import container, project
container.connect().info(), project.environment(False)
if os.getuid() == 0:
    os.setgroups([os.stat("/var/run/docker.sock").st_gid]), os.setgid(54321), os.setuid(54321)
sys.argv = ["container", "one", "--", "python3", "-c", sys.argv[1]]
container.main()
"""


def test_files_belong_to_a_caller_without_a_name(bare):
    bare.chmod(0o777)
    who = "import getpass, os, pathlib; pathlib.Path('made').write_text(f'{os.getuid()} {getpass.getuser()}')"
    variables = {key: value for key, value in environment().items() if key not in {"USER", "LOGNAME"}}
    done = run(bare, "python", "-c", AS_NOBODY, who, env=variables | {"HOME": str(bare)}, check=False)
    assert done.returncode == 0, done.stderr
    user = NOBODY if os.getuid() == 0 else os.getuid()
    group = NOBODY if os.getuid() == 0 else os.getgid()
    held = (bare / "made").stat()
    assert (held.st_uid, held.st_gid) == (user, group)
    assert (bare / "made").read_text().split()[0] == str(user)


@pytest.fixture
def server():
    """A web server of this host that listens on 127.0.0.1 only, like ``mlflow ui``."""

    class Hello(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello from the host")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Hello) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


def test_a_stage_has_no_network(bare, server):
    done = launch(bare, "python3", "-c", FETCH, server)
    assert done.returncode != 0
    assert "URLError" in done.stderr


def test_a_stage_has_no_interface_but_its_own(bare):
    done = launch(bare, "python3", "-c", "import socket; print([name for _, name in socket.if_nameindex()])")
    assert done.stdout == "['lo']\n"


def data_section(bare):
    with (bare / "params.yaml").open("a") as stream:
        stream.write("data: {source: embedded, path: none, mirror: null, csv: ")
        stream.write("{target: q, unit: Ah, nominal: 1, time: null, features: {}}}\n")


def test_publish_reaches_a_server_on_the_host(bare, server):
    data_section(bare)
    done = launch(bare, "python3", "-c", FETCH, server, network=True)
    assert done.stdout == "hello from the host\n", done.stderr


def test_publish_reaches_a_container_of_a_named_network(bare, engine):
    data_section(bare)
    network = engine.networks.create(f"dlnet-test-{os.getpid()}")
    image = f"dlnet/one:{tag_of(bare)}"
    command = ["python3", "-m", "http.server", "5000", "--directory", "/usr/share/python3"]
    other = engine.containers.run(image, command, detach=True, network=network.name, name=f"tracking-{os.getpid()}")
    try:
        variables = environment(DLNET_NETWORK=network.name)
        wait = (
            "import time, urllib.request\nfor _ in range(50):\n    try:\n        print(urllib.request.urlopen('http://"
        )
        wait += f"tracking-{os.getpid()}:5000').status)\n        break\n    except OSError:\n        time.sleep(0.1)"
        done = launch(bare, "python3", "-c", wait, network=True, env=variables)
        assert done.stdout == "200\n", done.stderr
    finally:
        other.remove(force=True)
        network.remove()


def tag_of(folder):
    from stages.containers.identity import identify

    return identify("one", folder).digest[:12]


def test_secrets_of_the_registry_stay_outside_of_other_stages(bare):
    shown = ["python3", "-c", "import os; print(os.environ.get('MLFLOW_TRACKING_PASSWORD'))"]
    variables = environment(**{"MLFLOW_TRACKING_PASSWORD": "of-the-test"})
    assert launch(bare, *shown, env=variables).stdout == "None\n"
    data_section(bare)
    assert launch(bare, *shown, env=variables, network=True).stdout == "of-the-test\n"


EAT = "held = []\nwhile True:\n    held.append(bytearray(b'x' * 10_000_000))"


def test_a_stage_over_its_memory_says_so(bare):
    done = launch(bare, "python3", "-c", EAT, env=environment(DVC_STAGE="teach"))
    assert done.returncode == 137
    assert done.stderr == (
        "error: stage teach ran out of memory: it needs more than its limit of 0.2 GB; "
        "raise limits.teach in params.yaml\n"
    )


def test_a_worker_over_the_memory_of_its_stage_is_reported_too(bare):
    pool = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {EAT!r}]).returncode != 0)"
    done = launch(bare, "python3", "-c", pool)
    assert done.returncode == 1
    assert "ran out of memory" in done.stderr


def test_a_pool_of_processes_works(bare):
    (bare / "pool.py").write_text(
        "import concurrent.futures as f, multiprocessing as m\n"
        "if __name__ == '__main__':\n"
        "    with f.ProcessPoolExecutor(2, m.get_context('spawn')) as pool:\n"
        "        print(list(pool.map(abs, [-1, -2, -3])))\n"
    )
    assert launch(bare, "python3", "pool.py").stdout == "[1, 2, 3]\n"


def test_a_terminal_stays_a_terminal(bare):
    ask = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size())"
    above, below = pty.openpty()
    command = [sys.executable, "-m", "stages.container", "one", "--", "python3", "-c", ask]
    with subprocess.Popen(command, cwd=bare, env=environment(), stdin=below, stdout=below, stderr=below):
        os.close(below)
        words = b""
        while part := _read(above):
            words += part
    os.close(above)
    assert words.decode().startswith("True os.terminal_size")


def test_a_terminal_that_changes_after_the_end_is_well(bare, engine):
    container = engine.containers.run(identify("one", bare).tag, "true", detach=True)
    try:
        container.wait()
        with pytest.raises(APIError, match="is not running"):
            container.resize(24, 80)
        before = signal.getsignal(signal.SIGWINCH)
        supervise._follow_size(container)
        signal.signal(signal.SIGWINCH, before)
    finally:
        container.remove(force=True)


def _read(handle):
    try:
        return os.read(handle, 4096)
    except OSError:  # the other end is closed
        return b""


def test_no_reader_no_container(bare, containers_of):
    command = [sys.executable, "-m", "stages.container", "one", "--", "sh", "-c", "while true; do echo y; done"]
    with subprocess.Popen(
        command, cwd=bare, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as one:
        assert one.stdout.readline() == b"y\n"
        one.stdout.close()
        assert one.wait(20) != 0
    assert containers_of(bare) == []


def test_no_container_stays(bare, containers_of):
    launch(bare, "true")
    assert containers_of(bare) == []


def test_the_engine_is_asked_for_and_is_not_there(bare):
    variables = environment(DOCKER_HOST=f"unix://{bare}/none.sock")
    done = launch(bare, "true", env=variables)
    assert (done.returncode, done.stderr) == (1, f"error: no Docker engine answers at unix://{bare}/none.sock\n")


def test_an_engine_elsewhere_cannot_see_the_project(bare):
    done = launch(bare, "true", env=environment(DOCKER_HOST="tcp://198.51.100.1:2376"))
    assert "is on another machine" in done.stderr


def test_without_an_engine_a_stage_runs_here_and_says_so_once(bare):
    variables = environment(DOCKER_HOST=f"unix://{bare}/none.sock", DLNET_RUNNER="auto")
    done = launch(bare, sys.executable, "-c", "import socket; print(socket.gethostname())", env=variables)
    assert done.stdout.strip() == socket.gethostname()
    assert done.stderr == f"no Docker engine answers at unix://{bare}/none.sock; running in the local environment\n"


def test_local_asks_no_engine(bare):
    variables = environment(DOCKER_HOST=f"unix://{bare}/none.sock", DLNET_RUNNER="local")
    done = launch(bare, sys.executable, "-c", "print(1)", env=variables)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_an_unknown_runner_is_named(bare):
    done = launch(bare, "true", env=environment(DLNET_RUNNER="podman"))
    assert done.stderr == "error: DLNET_RUNNER is 'podman'; it must be one of auto, docker, local\n"


def test_limits_of_no_stage_are_named(bare):
    params = bare / "params.yaml"
    params.write_text(params.read_text() + "  tech: {cpus: 1, memory_gb: 1}\n")
    assert "params.yaml: limits.tech: there is no such stage" in launch(bare, "true").stderr


def test_mounts_with_labels_are_the_same_folders(engine, bare):
    """This machine has no SELinux, and the engine ignores the label; the mounts themselves are real."""
    (bare.parent / "seen").mkdir()
    plan = ContainerPlan(
        title="x", image=identify("one", bare).tag, folder=bare, writable=[bare], readable=[bare.parent / "seen"],
        command=["sh", "-c", f"touch made; touch {bare.parent}/seen/x"],
        **caller({"SecurityOptions": ["name=selinux"]}),
    )  # fmt: skip
    container = engine.containers.create(**plan.options(), labels={PROJECT_LABEL: str(bare)})
    container.start()
    assert container.wait()["StatusCode"] != 0
    assert (bare / "made").stat().st_uid == os.getuid()
    assert list((bare.parent / "seen").iterdir()) == []
