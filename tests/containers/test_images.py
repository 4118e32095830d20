"""Images: when they are built again, on what base, and the message of a build that fails."""

import os
import re

import pytest
from made_project import TOTAL, environment, launch, run

from stages.containers import images
from stages.containers.errors import ImageError
from stages.containers.identity import identify
from stages.containers.images import BASE_LABEL, needs_network


def stages_run(done):
    return re.findall(r"Running stage '(.+)'", done.stdout + done.stderr)


@pytest.fixture
def finished(project):
    run(project, "dvc", "repro")
    return project


def append(path, text="# touched\n"):
    path.write_text(path.read_text() + text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("docker/requirements-two.txt", ["image@two", "second"]),
        ("docker/Dockerfile", ["image@one", "image@two", "first", "second"]),
        ("second.py", ["second"]),
    ],
)
def test_what_a_touched_file_runs_again(finished, file, again):
    append(finished / file)
    assert sorted(stages_run(run(finished, "dvc", "repro"))) == sorted(again)
    assert stages_run(run(finished, "dvc", "repro")) == []
    assert (finished / "second").read_text() == TOTAL


def test_a_deleted_image_is_built_on_demand(finished, engine):
    append(finished / "docker/requirements-two.txt", f"# {os.urandom(8).hex()}\n")
    run(finished, "dvc", "repro", "image@two")
    tag = identify("two", finished).tag
    engine.images.remove(tag)
    append(finished / "second.py")
    done = run(finished, "dvc", "repro")
    assert stages_run(done) == ["second"]
    assert f"building {tag}" in done.stderr
    engine.images.remove(tag)


def test_an_image_that_is_there_is_not_built_again(bare):
    assert "building" not in launch(bare, "true").stderr


def test_another_base_is_a_reason_to_build(bare, engine):
    tag = identify("one", bare).tag
    base = engine.images.get(tag).labels[BASE_LABEL]
    engine.images.get(base).tag("dlnet/other-base", "test")
    done = launch(bare, "true", env=environment(DLNET_BASE_IMAGE="dlnet/other-base:test"))
    assert f"building {tag} on dlnet/other-base:test" in done.stderr
    assert engine.images.get(tag).labels[BASE_LABEL] == "dlnet/other-base:test"
    assert "building" in launch(bare, "true", env=environment(DLNET_BASE_IMAGE=base)).stderr
    engine.images.remove("dlnet/other-base:test")


def broken(bare, dockerfile, **more):
    (bare / "docker/Dockerfile").write_text(dockerfile)
    done = launch(bare, "true", env=environment(**more))
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1
    return line


def test_a_step_that_fails_is_reported_with_its_message(bare):
    line = broken(bare, "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo no such thing >&2; exit 9\n")
    assert "could not be built" in line
    assert "no such thing" in line
    assert "returned a non-zero code: 9" in line


def test_a_base_that_cannot_be_had_says_how_to_make_one(bare):
    line = broken(bare, "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n", DLNET_BASE_IMAGE="registry.invalid/dlnet/none:1")
    assert "docker/base.sh" in line


def test_a_wheel_that_is_nowhere_is_named(bare):
    (bare / "docker/requirements-one.txt").write_text("no-such-package-of-dlnet==1.0\n")
    line = broken(bare, "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n", PIP_NO_INDEX="1")
    assert "no-such-package-of-dlnet==1.0" in line


def test_a_build_without_debian_packages_has_no_network(bare):
    reach = 'RUN python3 -c "import socket; print([n for _, n in socket.if_nameindex()]); raise SystemExit(3)"'
    assert "['lo']" in broken(bare, f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\n{reach}\n")


@pytest.mark.parametrize(
    ("text", "needed"), [("# none\n", False), ("# gcc\ngcc\n", True), ("!/usr/share/*\n=/usr/share/x\n", False)]
)
def test_a_network_is_needed_for_packages_only(tmp_path, text, needed):
    (tmp_path / "packages").write_text(text)
    assert needs_network(tmp_path / "packages") == needed


def test_the_base_is_the_made_one_or_the_official(engine, monkeypatch):
    monkeypatch.delenv("DLNET_BASE_IMAGE", raising=False)
    made = any(images.LOCAL_BASE in image.tags for image in engine.images.list())
    assert images.choose_base(engine) == (images.LOCAL_BASE if made else images.OFFICIAL_BASE)
    monkeypatch.setenv("DLNET_BASE_IMAGE", "own/base:1")
    assert images.choose_base(engine) == "own/base:1"


def test_an_unknown_image_is_refused_before_any_build(engine, bare):
    with pytest.raises(ImageError, match="there is no image 'three'"):
        images.ensure(engine, identify("three", bare), bare)
