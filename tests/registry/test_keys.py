"""Content keys and lineage: what counts, what does not."""

import hashlib
import subprocess

import pytest

from dlnet.errors import DLNetError
from dlnet.registry.keys import (
    content_key,
    data_md5,
    digests,
    git_commit,
    lineage,
    locked_stages,
    params_hash,
)

LOCK = """\
schema: '2.0'
stages:
  prepare:
    cmd: python -m stages.prepare
    outs:
    - path: data/windows
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
"""
PUBLISHED = LOCK + "  publish:\n    cmd: python -m stages.publish\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params.yaml").write_text("task:\n  window: 50\n")
    (tmp_path / "dvc.lock").write_text(LOCK)
    return tmp_path


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_order_of_keys_does_not_count_but_values_and_nan_do():
    assert content_key({"a": 1, "b": float("nan")}) == content_key({"b": float("nan"), "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})
    assert content_key("a", "b") != content_key("ab")


def test_digests_are_sha256_of_the_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    assert digests({"name": tmp_path / "x"}) == {"name": hashlib.sha256(b"content").hexdigest()}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DLNetError, match=r"gone\.json: no such file"):
        digests({"a": tmp_path / "gone.json"})


def test_the_lock_hash_is_the_same_before_and_after_publishing(project):
    before = lineage(project)["dlnet.dvc.lock"]
    (project / "dvc.lock").write_text(PUBLISHED)
    assert lineage(project)["dlnet.dvc.lock"] == before


def test_data_lineage_is_the_md5_that_dvc_wrote(project):
    assert data_md5(locked_stages(project)) == "0123456789abcdef0123456789abcdef.dir"


def test_comments_in_params_do_not_count(project):
    before = params_hash(project)
    (project / "params.yaml").write_text("# a word\ntask: {window: 50}\n")
    assert params_hash(project) == before
    (project / "params.yaml").write_text("task: {window: 51}\n")
    assert params_hash(project) != before


def test_what_is_absent_is_named(tmp_path):
    (tmp_path / "params.yaml").write_text("a: 1\n")
    tags = lineage(tmp_path)
    assert tags["dlnet.git.commit"].startswith("none: ")
    assert tags["dlnet.dvc.lock"] == "none: no dvc.lock"
    assert tags["dlnet.data"].startswith("none: ")


def test_image_files_give_a_tag_each(project):
    (project / "docker").mkdir()
    (project / "docker" / "train.image.json").write_text("{}")
    assert lineage(project)["dlnet.image.train"] == hashlib.sha256(b"{}").hexdigest()


def test_commit_and_dirty_state(project):
    git(project, "init", "-q")
    assert git_commit(project) == "none: no commit yet"
    git(project, "add", "params.yaml")
    git(project, "commit", "-qm", "first")
    commit = git_commit(project)
    assert len(commit) == 40
    (project / "params.yaml").write_text("task: {}\n")
    assert git_commit(project) == f"{commit}-dirty"


def test_a_folder_inside_another_repository_has_no_commit_of_its_own(project):
    git(project, "init", "-q")
    (project / "unpacked").mkdir()
    assert git_commit(project / "unpacked") == "none: not a git repository"
