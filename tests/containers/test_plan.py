"""Mounts, limits and environment of a container, without an engine."""

import ast
import os
import shutil
from pathlib import Path

import pytest
from made_project import ROOT

from dlnet.config.runner import RunnerConfig
from dlnet.data.sources import MIRROR_VARIABLE as SOURCES_MIRROR
from dlnet.errors import ConfigError
from dlnet.registry.signature import KEY_VARIABLE
from stages import project
from stages.container import make_plan
from stages.containers.errors import EngineError
from stages.containers.plan import ContainerPlan, caller, outermost


def plan(**more):
    held = {"title": "stage x", "image": "i", "command": ["true"], "folder": Path("/p"), "writable": [Path("/p")]}
    return ContainerPlan(**held | more)


def test_mounts_keep_their_own_path():
    (mount,) = plan().options()["mounts"]
    assert (mount["Source"], mount["Target"], mount["Type"], mount["ReadOnly"]) == ("/p", "/p", "bind", False)


def test_what_lies_within_a_mounted_folder_is_not_mounted_again():
    mounts = plan(writable=[Path("/p"), Path("/p/.dvc/tmp/exps/a"), Path("/c")], readable=[Path("/p/x"), Path("/r")])
    assert [(one["Target"], one["ReadOnly"]) for one in mounts.options()["mounts"]] == [
        ("/c", False),
        ("/p", False),
        ("/r", True),
    ]


def test_a_readable_folder_around_the_project_leaves_the_project_writable():
    mounts = plan(readable=[Path("/")]).options()["mounts"]
    assert [(one["Target"], one["ReadOnly"]) for one in mounts] == [("/", True), ("/p", False)]


def test_paths_with_dots_are_made_plain():
    assert outermost([Path("/a/b/../c"), Path("/a/c/d")]) == [Path("/a/c")]


def test_memory_has_no_swap_on_top():
    options = plan(memory_gb=1.5, cpus=0.5).options()
    assert options["mem_limit"] == options["memswap_limit"] == 1_500_000_000
    assert options["nano_cpus"] == 500_000_000


def test_without_limits_none_are_set():
    assert not {"mem_limit", "memswap_limit", "nano_cpus"} & plan().options().keys()


def test_a_plan_has_no_network_unless_told():
    assert plan().options()["network_mode"] == "none"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("DVC_ROOT", "DVC_STAGE", "DLNET_RUNNER"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/teach.py").touch()
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def config(**limits):
    held = {"default": {"cpus": None, "memory_gb": 4}, **limits}
    return RunnerConfig.model_validate({"runner": "auto", "limits": held})


def test_a_stage_has_its_own_limits_or_the_default(here):
    chosen = config(teach={"cpus": 2, "memory_gb": 8})
    assert project.limits_of("teach", chosen).memory_gb == 8
    assert project.limits_of("fetch", chosen).memory_gb == 4


def test_limits_without_a_default_are_refused(tmp_path):
    (tmp_path / "params.yaml").write_text("runner: auto\nlimits:\n  teach: {cpus: 1, memory_gb: 1}\n")
    with pytest.raises(ConfigError, match="limits must contain 'default'"):
        RunnerConfig.load(tmp_path / "params.yaml")


def test_the_package_of_containers_knows_no_stage_and_no_model():
    files = list((ROOT / "stages/containers").glob("*.py"))
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    ours = {name for name in named if name.split(".")[0] in {"dlnet", "stages"}}
    assert {name for name in ours if not name.startswith("stages.containers")} == {"dlnet.errors"}
    assert not {name.split(".")[0] for name in named} & {"dvc", "mlflow", "torch"}


def test_the_environment_overrules_the_parameter(here, monkeypatch):
    monkeypatch.setenv("DLNET_RUNNER", "local")
    assert project.selected_runner(config()) == "local"


REMOTE = "[core]\n    analytics = false\n['remote \"x\"']\n    url = /r\n"


def test_the_cache_is_where_dvc_says_and_the_most_local_file_wins(here):
    (here / "one").mkdir()
    (here / "two").mkdir()
    assert project.cache_folder(here) == []
    (here / ".dvc/config").write_text(f"{REMOTE}[cache]\n    dir = ../one\n")
    assert project.cache_folder(here) == [here / "one"]
    (here / ".dvc/config.local").write_text(f"[cache]\n    type = symlink\n    dir = {here}/two\n")
    assert project.cache_folder(here) == [here / "two"]


def test_a_cache_that_is_not_made_yet_is_not_mounted(here):
    (here / ".dvc/config").write_text("[cache]\n    dir = ../none\n")
    assert project.cache_folder(here) == []


def test_a_workspace_of_a_queued_experiment_is_inside_the_root(here, monkeypatch):
    inside = here / ".dvc/tmp/exps/standalone/a"
    inside.mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.chdir(inside)
    assert outermost(project.writable()) == [here]


def test_passwords_go_only_where_there_is_a_network(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    monkeypatch.setenv("DVC_STAGE", "teach")
    assert "MLFLOW_TRACKING_TOKEN" not in project.environment(False)
    assert project.environment(True).get("MLFLOW_TRACKING_TOKEN") == "t"
    for name in ("AWS_SECRET_ACCESS_KEY", "DLNET_GITHUB_TOKEN", "DVC_STUDIO_TOKEN"):
        monkeypatch.setenv(name, "s")
        assert name not in project.environment(True)
    assert project.environment(False)["DVC_STAGE"] == "teach"


@pytest.mark.parametrize("stage", [path.stem for path in (ROOT / "stages").glob("[a-z]*.py")])
def test_the_key_that_signs_reaches_the_stage_that_publishes_and_no_other(here, monkeypatch, stage):
    monkeypatch.setenv("DLNET_SIGNING_KEY", "a secret key")
    shutil.copy(ROOT / "params.yaml", here)
    command = ["python", "-m", f"stages.{stage}"]
    for network in (True, False):
        made = make_plan(config(), "image", command, network=network, owner={})
        assert made.environment.get(KEY_VARIABLE) == ("a secret key" if stage == "publish" else None)
        options = made.options()
        del options["environment"]
        assert "a secret key" not in str(options)


def test_a_key_that_is_not_set_is_not_passed(monkeypatch):
    monkeypatch.delenv("DLNET_SIGNING_KEY", raising=False)
    assert KEY_VARIABLE not in project.environment(True, "publish")


def test_home_and_user_are_set_for_a_uid_without_a_name(monkeypatch):
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    variables = project.environment(False)
    assert (variables["HOME"], variables["USER"], variables["LOGNAME"]) == ("/tmp", "54321", "54321")  # noqa: S108


def test_a_folder_of_cells_that_is_a_link_may_be_read_where_it_leads(here, tmp_path):
    (tmp_path / "cells").mkdir()
    (here / "linked").symlink_to(tmp_path / "cells")
    (here / "params.yaml").write_text(
        f"data: {{source: csv, path: {here / 'linked'}, mirror: null, csv: "
        "{target: q, unit: Ah, nominal: 1, time: null, features: {}}}\n"
    )
    assert project.readable(True, {}) == [here / "linked", (tmp_path / "cells").resolve()]


def test_data_outside_the_project_and_certificates_may_be_read_by_fetch(here, tmp_path):
    cells = tmp_path / "cells"
    cells.mkdir()
    (here / "params.yaml").write_text(
        f"data: {{source: csv, path: {cells}, mirror: /not/there, csv: "
        "{target: q, unit: Ah, nominal: 1, time: null, features: {}}}\n"
    )
    found = project.readable(True, {"SSL_CERT_FILE": str(here / "params.yaml"), SOURCES_MIRROR: str(here)})
    assert found == [cells, here, here / "params.yaml"]
    assert project.readable(False, {SOURCES_MIRROR: str(here)}) == []


@pytest.mark.parametrize("content", [b"\xc4", b"dir = x\n", b"[cache\n"])
def test_a_damaged_configuration_of_dvc_is_one_line(here, content):
    (here / ".dvc/config").write_bytes(content)
    with pytest.raises(ConfigError, match=r"\.dvc/config: not") as caught:
        project.cache_folder(here)
    assert len(str(caught.value).splitlines()) == 1


def test_a_cache_in_the_home_of_nobody_is_none(here):
    (here / ".dvc/config").write_text("[cache]\n    dir = ~nobody-of-this-name/cache\n")
    assert project.cache_folder(here) == []


# What engines answer to ``docker info`` (SecurityOptions), as their documentation and sources have it.
PLAIN = {"SecurityOptions": ["name=seccomp,profile=default"]}
SELINUX = {"SecurityOptions": ["name=seccomp,profile=default", "name=selinux"]}
ROOTLESS = {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"]}
REMAPPED = {"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}


def test_files_of_a_rootless_engine_belong_to_the_caller_who_is_root_inside(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: [1000, 27])
    assert plan(**caller(ROOTLESS)).options()["user"] == "0:0"
    assert plan(**caller(ROOTLESS)).options()["group_add"] == []


@pytest.mark.parametrize("info", [PLAIN, SELINUX, REMAPPED, {}, {"SecurityOptions": None}])
def test_files_of_any_other_engine_belong_to_the_caller_by_number(info):
    assert plan(**caller(info)).options()["user"] == f"{os.getuid()}:{os.getgid()}"


def test_an_engine_that_maps_ids_is_asked_not_to():
    assert plan(**caller(REMAPPED)).options()["userns_mode"] == "host"
    assert "userns_mode" not in plan(**caller(PLAIN)).options()


def test_mounts_are_labelled_where_selinux_is_on_and_nowhere_else():
    folders = {"writable": [Path("/p")], "readable": [Path("/r"), Path("/etc/ssl/certs")]}
    options = plan(**folders, **caller(SELINUX)).options()
    assert "mounts" not in options
    assert options["volumes"] == {
        "/etc/ssl/certs": {"bind": "/etc/ssl/certs", "mode": "ro"},
        "/p": {"bind": "/p", "mode": "rw,z"},
        "/r": {"bind": "/r", "mode": "ro,z"},
    }
    assert "volumes" not in plan(**folders, **caller(PLAIN)).options()


def test_a_path_that_cannot_be_labelled_is_named():
    with pytest.raises(EngineError, match=r"^/p:q: SELinux is on"):
        plan(writable=[Path("/p:q")], **caller(SELINUX)).options()
