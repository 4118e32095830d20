"""The git commit of a project; apart from the other keys, for a launcher that must start fast."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

COMMIT_VARIABLE = "DLNET_GIT_COMMIT"


def git_commit(root: Path) -> str:
    """The commit, with ``-dirty`` where tracked files were changed since; or why there is none.

    ``DLNET_GIT_COMMIT`` stands for it where there is no git to ask, as in a stage's container.
    """
    if told := os.environ.get(COMMIT_VARIABLE):
        return told
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
        done = subprocess.run(["git", *arguments], cwd=root, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
