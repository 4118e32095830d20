"""Checks this machine: what the pipeline needs, what is installed, and the command that installs what is missing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.table import Table

from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams
from dlnet.data.sources import CACHE, MIRROR_VARIABLE
from dlnet.errors import DLNetError, MissingExtraError

OLDEST = (3, 11)
DISK_BYTES = 3 * 10**9  # used by a run on the largest source, with DVC's cache and MLflow's artefacts
SECONDS = 10.0
EXTRAS = ("train", "export", "firmware", "registry")  # that make repro needs


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        found: what is there, as text. fix: the command that fixes it. needed: whether ``make repro`` fails without it.
    """

    name: str
    ok: bool
    found: str
    fix: str
    needed: bool = True


class _DataConfig(StageConfig):
    data: DataParams


def examine(root: Path) -> list[Check]:
    """Run all checks; ``root`` is the project's folder."""
    return [
        _python(),
        _environment(),
        _packages(root),
        _tool("git", "git", "sudo apt-get install git"),
        _tool("make", "make", "sudo apt-get install make"),
        _dvc(root),
        _data(root),
        *tracked(root),
        _disk(root),
        _registry(root),
        *_webhooks(),
        _docker(root),
        _tool("Arm compiler", "arm-none-eabi-gcc", "sudo apt-get install gcc-arm-none-eabi", needed=False),
        _tool("Arm emulator", "qemu-system-arm", "sudo apt-get install qemu-system-arm", needed=False),
    ]


def doctor_table(checks: Sequence[Check]) -> Table:
    """A row a check: state, name, what was found, and the command that fixes it."""
    table = Table(title="This machine")
    for name in ("", "what", "found", "fix with"):
        table.add_column(name)
    for check in checks:
        state = "[green]ok[/]" if check.ok else ("[red]missing[/]" if check.needed else "[yellow]missing, optional[/]")
        table.add_row(state, check.name, check.found, "" if check.ok else check.fix)
    return table


def _python() -> Check:
    ok = sys.version_info[:2] >= OLDEST
    return Check("Python", ok, sys.version.split()[0], f"make repro PYTHON=python{OLDEST[0]}.{OLDEST[1]}")


def _environment() -> Check:
    inside = sys.prefix != sys.base_prefix
    found = sys.prefix if inside else "not in a virtual environment"
    return Check("environment", inside, found, "make repro (it makes .venv), then .venv/bin/dlnet doctor")


def _packages(root: Path) -> Check:
    """Installed versions against requirements.lock; local suffixes such as +cpu do not count."""
    lock = root / "requirements.lock"
    if not lock.is_file():
        return Check("packages", False, f"no {lock.name}; not the project's folder?", "cd to the project")
    needed = required()
    wrong, count = [], 0
    for name, pinned in locked(lock.read_text()):
        present, count = installed(name), count + 1
        if present is not None and present.partition("+")[0] != pinned.partition("+")[0]:
            wrong.append(f"{name} {present}, locked {pinned}")
        if present is None and canonicalize_name(name) in needed:
            wrong.append(f"{name} missing")
    found = "; ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return Check("packages", not wrong, found or f"{count} as locked", "rm -f .venv/.done && make repro")


def required() -> set[str]:
    """Names of the packages that the pipeline needs here: of the core and of the extras that its stages import."""
    listed = map(Requirement, requires("dlnet") or [])
    needed = {
        package.name
        for package in listed
        for extra in EXTRAS
        if package.marker is None or package.marker.evaluate({"extra": extra})
    }
    return {str(canonicalize_name(name)) for name in needed} - {"dlnet"}


def locked(text: str) -> list[tuple[str, str]]:
    """Names and versions of a lock file's lines."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, flags=re.MULTILINE)


def installed(name: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _tool(name: str, program: str, fix: str, *, needed: bool = True) -> Check:
    path = shutil.which(program)
    return Check(name, path is not None, path or f"no {program}", fix, needed)


def _dvc(root: Path) -> Check:
    ok = (root / ".dvc/config").is_file() and (root / "dvc.yaml").is_file()
    found = "dvc.yaml and .dvc" if ok else "no dvc.yaml with .dvc/config here"
    return Check("pipeline", ok, found, "git checkout -- .dvc dvc.yaml")


def _data(root: Path) -> Check:
    try:
        data = _DataConfig.load(root / "params.yaml").data
    except DLNetError as error:
        return Check("data", False, str(error).splitlines()[0], "fix params.yaml")
    name = f"data: {data.source}"
    if data.source in ("embedded", "csv"):
        path = root / data.path
        fix = "git checkout -- data" if data.source == "embedded" else "set data.path in params.yaml"
        return Check(name, path.exists(), str(path) if path.exists() else f"no {path}", fix)
    mirror = os.environ.get(MIRROR_VARIABLE) or data.mirror
    if mirror:
        exists = Path(mirror).is_dir()
        fix = f"set data.mirror or {MIRROR_VARIABLE} to a folder that exists"
        return Check(name, exists, f"mirror {mirror}" if exists else f"no folder {mirror}", fix)
    cached = (root / CACHE / data.source).is_dir()
    return Check(
        name, cached, "downloaded" if cached else "to be downloaded by the first run", "dvc repro", needed=False
    )


def tracked(root: Path) -> list[Check]:
    """Whether an experiment that DVC runs in a folder of its own finds the user's files; none where it does anyhow."""
    try:
        data = _DataConfig.load(root / "params.yaml").data
    except DLNetError:
        return []  # the check of the data names it
    if data.source != "csv" or data.path.is_absolute() or not (root / data.path).exists():
        return []
    listed = _run(root, "git", "ls-files", "--", str(data.path))
    known = bool(listed) or (root / f"{data.path}.dvc").is_file()
    found = f"{data.path} is in {'git or DVC' if known else 'neither git nor DVC'}"
    fix = f"dvc add {shlex.quote(str(data.path))}, or an absolute data.path"
    return [Check("data for dvc exp run --temp and dvc queue", known, found, fix, needed=False)]


def _run(root: Path, *command: str) -> str:
    """What a command prints; nothing where it fails or takes too long."""
    try:
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace"
        ).stdout
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""


def _disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free
    return Check("disk", free >= DISK_BYTES, f"{free / 1e9:.1f} GB free", f"free {DISK_BYTES / 1e9:.0f} GB")


def _registry(root: Path) -> Check:
    """Whether MLflow responds; a SQLite file that does not exist yet is created by the publish stage."""
    from dlnet.registry.client import is_server, probe, tracking_uri
    from dlnet.registry.databases import check_file, shown, sqlite_file

    uri = tracking_uri()
    if is_server(uri):
        return _attempt("MLflow", shown(uri), lambda: probe(uri), "start the server or unset MLFLOW_TRACKING_URI")
    path = sqlite_file(uri)
    if path is None:
        return Check("MLflow", True, f"{shown(uri)} (not asked)", "", needed=False)
    where = os.path.relpath(path, root.absolute())
    if not path.exists():
        return Check("MLflow", False, f"no {where} yet", "make publish", needed=False)
    return _attempt("MLflow", where, lambda: check_file(uri), "see what was found")


def _webhooks() -> list[Check]:
    """Whether a server can read its webhooks; nothing where there is no server that answers."""
    from dlnet.registry.client import is_server, probe, tracking_uri
    from dlnet.registry.server_env import WEBHOOK_KEY
    from dlnet.registry.webhooks import check_webhooks

    uri, name = tracking_uri(), "webhooks"
    if not is_server(uri) or not _attempt(name, "", lambda: probe(uri), "").ok:
        return []
    try:
        return [Check(name, True, check_webhooks(uri), "", needed=False)]
    except MissingExtraError:  # the check of packages says so
        return []
    except DLNetError as error:
        return [Check(name, False, str(error), f"set {WEBHOOK_KEY} (docs/server.md)", needed=False)]


def _docker(root: Path) -> Check:
    """What the launcher of stages says of the engine; without one stages run in the local environment."""
    command = [sys.executable, "-m", "stages.containers.engine"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Check("Docker engine", False, "does not answer", "sudo systemctl restart docker", needed=False)
    found = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1:] or ["no answer"]
    return Check("Docker engine", done.returncode == 0, found[0], "docs/containers.md", needed=False)


def _attempt(name: str, found: str, action: Callable[[], None], fix: str) -> Check:
    try:
        action()
    except DLNetError as error:
        return Check(name, False, str(error).splitlines()[0], fix)
    return Check(name, True, found, "")
