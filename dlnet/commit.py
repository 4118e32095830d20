"""The git commit of a project. A module of its own, so that a launcher that must start fast imports little."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

COMMIT_VARIABLE = "DLNET_GIT_COMMIT"


def git_commit(root: Path) -> str:
    """The commit hash, with ``-dirty`` appended if tracked files have changed since; or the reason why there is none.

    The environment variable ``DLNET_GIT_COMMIT`` overrides it where git is not available, as in a stage's container.
    """
    if given := os.environ.get(COMMIT_VARIABLE):
        return given
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():
        return "none: not a git repository"
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return "none: no commit yet"
    return f"{commit}-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else commit


def _git(root: Path, *arguments: str) -> str | None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        completed = subprocess.run(["git", *arguments], cwd=root, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return completed.stdout.strip() if completed.returncode == 0 else None
