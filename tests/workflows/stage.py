"""What the workflows need outside GitHub: a clone, stand-ins for remote actions, ``gh`` and the like.

Stand-ins do on this machine what the real ones do there: artefacts go to a folder and come back, ``arduino-cli``
(fetched by the real script, from another address) builds the sketch with arduino-builder for the emulated board,
``gh`` makes a release that the API then knows of. The jobs that plan and release get the environment that the real
script made, once for all jobs.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[2]
WORKFLOWS = PROJECT / ".github/workflows"
REPOSITORY = "somebody/dlnet"
COMPOSITE = """name: stand-in
{inputs}runs:
  using: composite
  steps:
    - shell: bash
      run: {run}
      env: {env}
"""
SUBJECT = "{SUBJECT: '${{ inputs.subject-path }}'}"
ARTEFACT = "{NAME: '${{ inputs.name }}', FOLDER: '${{ inputs.path }}'}"
ACTIONS = {
    "actions/setup-python": ([], "python3 --version", "{}"),
    "actions/cache": (["path", "key"], 'echo "$KEY" >> "$STORE/cache-keys"', "{KEY: '${{ inputs.key }}'}"),
    "actions/upload-artifact": (
        ["name", "path", "if-no-files-found", "retention-days"],
        'mkdir -p "$STORE/artefacts" && cp -r "$FOLDER" "$STORE/artefacts/$NAME" '
        '&& find "$STORE/artefacts/$NAME" -name ".*" -type f -delete',  # hidden files are no part of an artefact
        ARTEFACT,
    ),
    "actions/download-artifact": (
        ["name", "path"],
        'mkdir -p "$FOLDER" && cp -r "$STORE/artefacts/$NAME/." "$FOLDER"',
        ARTEFACT,
    ),
    "actions/attest-build-provenance": (["subject-path"], 'ls $SUBJECT > "$STORE/attested"', SUBJECT),
}
GH = """#!/bin/sh
# gh release create TAG FILES... --repo R --target SHA --title T --notes-file F
# gh release download DRAFT --repo R --pattern FILE --dir DIR
# gh release delete DRAFT --repo R --yes
set -eu
[ "$1" = release ]
[ -n "$GH_TOKEN" ]
case $2 in
create)
  mkdir -p "$STORE/releases"
  [ ! -e "$STORE/releases/$3" ]
  echo "$@" > "$STORE/releases/$3" ;;
download)
  mkdir -p "$9"
  cp "$STORE/drafts/$3/$7" "$9" ;;
delete)
  [ "$6" = --yes ]
  rm -r "$STORE/drafts/$3" ;;
*) exit 2 ;;
esac
"""


MAKE = """#!/bin/sh
# make .venv/.done: the environment is the one that these tests run in; its own test is .ci/run
# Only the job that builds calls it.
set -eu
[ "$*" = ".venv/.done" ]
ln -s {environment} .venv
"""


def least_environment(folder: Path) -> Path:
    """The environment that docker/release.sh makes, with nothing else in it."""
    (folder / "docker").mkdir(parents=True)
    for name in ("release.sh", "release.txt"):
        shutil.copy(PROJECT / "docker" / name, folder / "docker")
    subprocess.run(["sh", "docker/release.sh"], cwd=folder, check=True, capture_output=True)
    return folder / ".venv"


def clone(to: Path, least: Path) -> Path:
    """The project's tracked files in a repository of their own.

    What would need a network is here: arduino-cli's archive, and the environment ``least`` of the release's jobs.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (PROJECT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, to / name)
    (to / "docker/release.sh").write_text(f"set -eu\nln -s {least} .venv\n")
    (to / "docker/arduino-cli.lock").write_text(lock(archive(to.parent / "arduino-cli")))
    git = ["git", "-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=to, check=True)
    subprocess.run([*git, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git"], cwd=to, check=True)
    return to


def used_actions() -> set[str]:
    """``owner/name@ref`` of every step of every workflow."""
    jobs = [job for path in WORKFLOWS.glob("*.yml") for job in YAML(typ="safe").load(path)["jobs"].values()]
    return {step["uses"] for job in jobs for step in job["steps"] if "uses" in step}


def stand_ins(folder: Path) -> list[str]:
    """Flags for act that replace each remote action by a local one."""
    flags = []
    for use in sorted(used_actions()):
        name = use.split("@")[0]
        if name == "actions/checkout":
            continue  # act has its own
        inputs, run, env = ACTIONS[name]
        here = folder / name
        here.mkdir(parents=True)
        listed = "inputs:\n" + "".join(f"  {one}: {{required: false}}\n" for one in inputs) if inputs else ""
        (here / "action.yml").write_text(COMPOSITE.format(inputs=listed, run=run, env=env))
        flags.append(f"--local-repository={use}={here}")
    return flags


def tools(folder: Path) -> Path:
    """A folder with ``gh`` and ``make``, for PATH."""
    folder.mkdir(parents=True)
    for name, text in {"gh": GH, "make": MAKE.format(environment=sys.prefix)}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


CLI = Path(__file__).parent / "stand_in_cli.py"


def archive(folder: Path) -> Path:
    """A release's archive of ``arduino-cli`` that holds the stand-in."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "arduino-cli"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {CLI} "$@"\n')
    with tarfile.open(folder / "archive.tar.gz", "w:gz") as stream:
        stream.add(program, "arduino-cli")
    return folder / "archive.tar.gz"


def lock(file: Path, sha256: str | None = None) -> str:
    """Text of arduino-cli.lock for an archive on this machine."""
    digest = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    return f"version=9.9.9\nurl={file.as_uri()}\nsha256={digest}\n"


@contextmanager
def github(store: Path):
    """The address of an API that knows the releases which ``gh`` made, and git tags: files ``tags/TAG``, a commit."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.removeprefix(f"/repos/{REPOSITORY}/")
            if path.startswith("releases?"):
                made = sorted((store / "releases").glob("*"))
                self.send_response(200)
                self.end_headers()
                listed = [{"id": i, "tag_name": one.name, "draft": False} for i, one in enumerate(made)]
                self.wfile.write(json.dumps(listed).encode())
                return
            kind, _, tag = path.rpartition("/")
            file = store / {"releases/tags": "releases", "git/ref/tags": "tags"}[kind] / tag
            self.send_response(200 if file.is_file() else 404)
            self.end_headers()
            if kind == "git/ref/tags" and file.is_file():
                self.wfile.write(json.dumps({"object": {"type": "commit", "sha": file.read_text()}}).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
