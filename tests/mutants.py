"""``python -m tests.mutants [--only TEXT]``: breaks one promise at a time, and prints the breaks that no test notices.

``tests/mutants.yaml`` lists the breaks. Each is made in a copy of the project, where the tests that the list names must
fail; a break that they do not notice survives. Exit code 1 if one survives, or if a named test fails without a break.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import TypeVar

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).parent / "mutants.yaml"
DEADLINE_S = 900
Outcome = TypeVar("Outcome")
PASSED, FAILED = 0, 1  # exit codes of pytest; all others say that it could not run the tests
NO_END = 124  # as the command timeout says it: the tests did not end within the deadline


@dataclass(frozen=True)
class Mutant:
    """One break.

    Attributes:
        promise: what no longer holds.
        file: relative to the project; ``find`` stands in it exactly once and becomes ``replace``.
        tests: pytest node ids without parameters, at least one of which must fail.
    """

    promise: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]


def load() -> list[Mutant]:
    """The breaks of ``tests/mutants.yaml``."""
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in YAML(typ="safe").load(LIST)]


def broken(mutant: Mutant, text: str) -> str:
    """The text of ``mutant.file`` with the break.

    Raises:
        ValueError: the text to replace does not stand there exactly once, or the break changes nothing.
    """
    if text.count(mutant.find) != 1 or mutant.find == mutant.replace:
        raise ValueError(f"{mutant.file}: {text.count(mutant.find)} times {mutant.find!r}, not once ({mutant.promise})")
    return text.replace(mutant.find, mutant.replace)


@contextmanager
def applied(mutant: Mutant, project: Path) -> Iterator[None]:
    """Make the break in a copy of the project, and undo it at the end."""
    path = project / mutant.file
    sound = path.read_bytes()
    try:
        path.write_text(broken(mutant, sound.decode()))
        yield
    finally:
        path.write_bytes(sound)


def run_tests(project: Path, tests: tuple[str, ...]) -> int:
    """Exit code of pytest on some tests of a copy, or ``NO_END``."""
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    try:
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return NO_END
    return done.returncode


def copy_project(to: Path) -> None:
    """Copy the files that git does not ignore, and link the environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    subprocess.run(["git", "init", "--quiet"], cwd=to, check=True)
    subprocess.run(["git", "add", "--all"], cwd=to, check=True)
    identity = ["-c", "user.name=mutants", "-c", "user.email=mutants@example.org"]
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", "copy"], cwd=to, check=True)
    (to / ".venv").symlink_to(ROOT / ".venv")


def verdict(mutant: Mutant, project: Path) -> str:
    """``noticed``, ``SURVIVED`` or what hindered the tests."""
    with applied(mutant, project):
        code = run_tests(project, mutant.tests)
    if code == PASSED:
        return "SURVIVED"
    return "noticed" if code in (FAILED, NO_END) else f"NOT RUN (pytest's exit code {code})"


def try_all(mutants: list[Mutant], jobs: int) -> list[str]:
    """Run the named tests without a break, then with each; prints every outcome, returns the bad ones."""
    bad: list[str] = []
    copies: Queue[Path] = Queue()

    def in_a_copy(work: Callable[[Path], Outcome]) -> Outcome:
        project = copies.get()
        try:
            return work(project)
        finally:
            copies.put(project)

    with tempfile.TemporaryDirectory(prefix="dlnet-mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        for i in range(jobs):
            copy_project(Path(folder) / str(i))
            copies.put(Path(folder) / str(i))
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        for test, code in zip(tests, pool.map(lambda t: in_a_copy(lambda p: run_tests(p, (t,))), tests), strict=True):
            if code != PASSED:
                why = f"no end within {DEADLINE_S} s" if code == NO_END else f"exit code {code}"
                bad.append(f"fails without a break ({why}): {test}")
                print(bad[-1], flush=True)
        for mutant, outcome in zip(
            mutants, pool.map(lambda m: in_a_copy(lambda p: verdict(m, p)), mutants), strict=True
        ):
            print(f"{outcome}: {mutant.promise} ({mutant.file})", flush=True)
            if outcome != "noticed":
                bad.append(f"{outcome}: {mutant.promise}")
    return bad


def main() -> int:
    """Try every break of the list."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Breaks that no test notices.")
    parser.add_argument("--only", default="", help="only breaks whose promise, file or tests contain this text")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    arguments = parser.parse_args()
    mutants = [m for m in load() if arguments.only in " ".join((m.promise, m.file, *m.tests))]
    start = time.monotonic()
    bad = try_all(mutants, arguments.jobs)
    print(f"{len(mutants)} breaks, {len(bad)} not noticed or not tried, {time.monotonic() - start:.0f} s")
    for line in bad:
        print(f"  {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
