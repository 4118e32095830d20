"""What holds for every command: one grammar of models, help with an example, exit codes, the page of commands."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from dlnet.cli import main
from dlnet.cli.app import app

ROOT = Path(__file__).parents[2]
DLNET = [sys.executable, "-m", "dlnet.cli"]
WITH_MODEL = {
    "forecast": ["cell.csv"],
    "firmware": ["--out", "out"],
    "sketch": ["--board", "emulated", "--out", "out"],
    "release fetch": ["--out", "out"],
    "release assets": ["--build", "build", "--out", "out"],
    "device info": ["--port", "emulator"],
    "device selftest": ["--port", "core"],
    "device forecast": ["cell.csv", "--port", "emulator"],
    "device replay": ["cell.csv", "--port", "emulator"],
}
"""Command -> what else it must be given."""
WRONG_MODELS = {
    "nowhere": "nowhere: no such folder; name a model's folder such as models/edge/NAME",
    "models:/x": "'models:/x': not a model of this registry; write models:/dlnet-edge@ALIAS or /VERSION",
    "models:/dlnet-edge": "'models:/dlnet-edge': not a model of this registry",
    "models:dlnet-edge@candidate": "'models:dlnet-edge@candidate': not a model of this registry",
    "models:/dlnet-edge@No.1": "'No.1': not an alias; aliases consist of a-z, 0-9 and -",
    "models:/dlnet-edge/0": "'0': not a version; versions are numbers from 1 on",
}


def walk(group, path=()):
    """(words, command) of every command and group."""
    yield path, group
    for name, one in getattr(group, "commands", {}).items():
        yield from walk(one, (*path, name))


ALL = {" ".join(path): one for path, one in walk(typer.main.get_command(app))}
COMMANDS = sorted(path for path, one in ALL.items() if not hasattr(one, "commands"))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_every_command_with_a_model_is_listed_here():
    assert {path for path, one in ALL.items() if any(param.name == "model" for param in one.params)} == set(WITH_MODEL)


@pytest.mark.parametrize("model", WRONG_MODELS)
@pytest.mark.parametrize("command", WITH_MODEL)
def test_a_wrong_model_is_the_same_line_in_every_command_and_makes_nothing(empty, capsys, command, model):
    assert main([*command.split(), "--model", model, *WITH_MODEL[command]]) == 1
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    assert errors.startswith(f"error: {WRONG_MODELS[model]}")
    assert list(empty.iterdir()) == []


def test_fetch_wants_a_version_of_the_registry(empty, capsys):
    (empty / "model").mkdir()
    assert main(["release", "fetch", "--model", "model", "--out", "out"]) == 1
    words = "is a folder; fetch reads from the registry, so give models:/NAME@ALIAS or models:/NAME/VERSION"
    assert capsys.readouterr().err == f"error: model: {words}\n"
    assert [path.name for path in empty.iterdir()] == ["model"]


def test_promote_reads_its_version_before_it_asks_the_registry(empty, capsys):
    assert main(["promote", "No.1"]) == 1
    assert capsys.readouterr().err == "error: 'No.1': not an alias; aliases consist of a-z, 0-9 and -\n"
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("path", ALL)
def test_help_has_an_example_that_is_a_command(path, capsys):
    assert main([*path.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    examples = re.findall(r"^    dlnet (.+)$", out.partition("  Example:\n")[2], re.MULTILINE)
    assert examples
    assert all(line.startswith(path) for line in examples)
    assert [line for line in examples if named(line) not in COMMANDS] == []


@pytest.mark.parametrize("path", [path for path in ALL if path not in COMMANDS])
def test_the_list_of_commands_cuts_no_sentence_short(path, capsys):
    main([*path.split(), "--help"])
    assert "..." not in capsys.readouterr().out.partition("\nCommands:\n")[2]


def named(line):
    """The command that a line after ``dlnet`` names; the line itself if there is none."""
    words = line.split()
    return next((path for path in (" ".join(words[:2]), words[0]) if path in COMMANDS), line)


def test_the_page_of_commands_has_every_command():
    table = (ROOT / "docs/cli.md").read_text().partition("\n## ")[0]
    lines = re.findall(r"^\| `dlnet ([^`]+)` \|", table, re.MULTILINE)
    assert sorted(map(named, lines)) == COMMANDS


def test_the_page_names_the_commands_that_act_on_one_registered_model():
    text = (ROOT / "docs/cli.md").read_text().partition("## `--name`\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `dlnet ([^`]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(
        path for path in COMMANDS if any(param.name == "name" for param in ALL[path].params)
    )


def test_pages_workflows_and_make_name_commands_that_exist():
    lines = []
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "firmware").rglob("*.md")):
        lines += re.findall(r"(?:^|`|bin/)dlnet ([a-z][^`\n]*)", path.read_text(), re.MULTILINE)
    for path in (ROOT / "Makefile", *(ROOT / ".github").rglob("*.yml")):
        lines += re.findall(r"(?:bin|\(BIN\))/dlnet ([a-z][^\n]*)", path.read_text())
    assert len(lines) > 50
    assert [line for line in lines if named(line) not in COMMANDS and line not in ALL] == []


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        (["forecast", "cell.csv", "--nominal", "abc"], "Invalid value for '--nominal': must be a number above 0"),
        (["forecast", "cell.csv", "--nominal", "-1"], "Invalid value for '--nominal': must be a number above 0"),
        (["device", "replay", "c", "--port", "core", "--nominal", "nan"], "must be a number above 0"),
        (["device", "info", "--port", "core", "--timeout", "inf"], "must be a number above 0"),
        (["forecast", "cell.csv", "--column", "Qd"], "Invalid value for '--column': 'Qd': write NAME=COLUMN"),
        (["forecast"], "Missing argument 'PATH...'"),
        (["sketch", "--out", "out"], "Missing option '--board'"),
        (["release", "record", "0", "--claim", "a", "--url", "b"], "Invalid value for 'VERSION'"),
        (["fetch"], "No such command 'fetch'"),
        (["device"], "Commands:\n  info"),
    ],
)
def test_wrong_usage_is_exit_code_2(empty, capsys, words, errors):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert errors in out + err
    assert list(empty.iterdir()) == []


def test_a_refusal_of_the_file_system_is_one_line(empty, capsys):
    Path("server").write_text("a file where a folder should be")
    assert main(["server", "env", "--home", "server/home"]) == 1
    assert capsys.readouterr().err == "error: server/home: Not a directory\n"


def test_ctrl_c_is_exit_code_130_without_a_traceback():
    master, port = pty.openpty()
    command = [*DLNET, "device", "info", "--port", os.ttyname(port), "--timeout", "60"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert select.select([master], [], [], 120)[0]  # it asks the board, and waits for the answer
        running.send_signal(signal.SIGINT)
        assert (running.wait(30), running.stderr.read()) == (130, "")
    os.close(master)
    os.close(port)


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert capsys.readouterr().out == f"{version}\n"


def test_help_answers_at_once():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*DLNET, "--help"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "forecast" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.75


@pytest.mark.parametrize("words", [["--help"], ["device", "replay", "--help"], ["release", "plan", "--help"]])
def test_help_imports_nothing_heavy(words):
    command = [sys.executable, "-X", "importtime", *DLNET[1:], *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert imported & {"torch", "mlflow", "tensorflow", "pandas", "numpy", "matplotlib", "requests"} == set()


@pytest.mark.parametrize(
    ("line", "found"),
    [("dlnet pro", "promote"), ("dlnet release f", "fail\nfetch"), ("dlnet sketch --board ", "emulated\nnano33ble")],
)
def test_a_shell_completes_commands_and_values(line, found):
    words = {"_DLNET_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(DLNET, env={**os.environ, **words}, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == found.split()


def test_completion_is_installed_for_a_shell(tmp_path):
    command = ["bash", "-c", '"$0" -m dlnet.cli --install-completion; exit $?', sys.executable]
    done = subprocess.run(
        command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert "bash completion installed" in done.stdout
    assert "_DLNET_COMPLETE=complete_bash" in (tmp_path / ".bash_completions/dlnet.sh").read_text()
