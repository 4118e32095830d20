"""Rules of the project: forbidden calls, params that a stage lists, errors of params.yaml, package and test names."""

import ast
import importlib
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dlnet.config.base import StageConfig
from dlnet.config.runner import RunnerConfig
from dlnet.errors import ConfigError
from stages.teach import TeachConfig

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for top in ("dlnet", "stages", "studies") for path in (ROOT / top).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_goes_through_a_shell_or_unpickles(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            assert not any(key.arg == "shell" and getattr(key.value, "value", 1) for key in node.keywords)
            assert ast.unparse(node.func) not in {"torch.load", "eval", "exec", "os.system"}


def test_dvc_starts_launchers_without_a_shell():
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].values()
    commands = [stage.get("do", stage)["cmd"] for stage in stages]
    assert len(commands) > 1
    assert [command for command in commands if not command.startswith("exec python -m stages.")] == []


@pytest.mark.parametrize("name", ["mlflow", "docker"])
def test_libraries_are_not_shadowed_by_folders_of_the_same_name(name):
    assert "site-packages" in (importlib.import_module(name).__file__ or "")
    assert not list((ROOT / name).glob("**/*.py"))


def stage_configs():
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    return [(name, sorted(stage.get("params", []))) for name, stage in stages.items()]


@pytest.mark.parametrize(("name", "sections"), stage_configs(), ids=[name for name, _ in stage_configs()])
def test_a_stage_lists_the_sections_it_reads(name, sections):
    module = importlib.import_module(f"stages.{name}")
    configs = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, StageConfig)]
    # Where a stage runs changes no result, so no stage lists it.
    read = {field for config in configs if config not in (StageConfig, RunnerConfig) for field in config.model_fields}
    if name == "fetch":  # it looks only at the task's name, so that another window fetches nothing again
        assert set(re.findall(r"(?<!\.)config\.task\.?\w*", Path(module.__file__).read_text())) == {"config.task.name"}
        read = read - {"task"} | {"task.name"}
    assert sorted(read) == sections


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  window: 50 ", "  window: 53 ", "task: window .53. must be a multiple of block .5."),
        ("    members: 5 ", "    members: five ", "teacher.continuous.members: .*got 'five'"),
        ("    members: 5 ", "    membres: 5 ", "teacher.continuous.membres: Extra inputs are not permitted"),
        ("teacher:\n", "teachers:\n", "teacher: Field required"),
        ("  horizon: 100 ", "  horizon: 90 ", "knots must rise and end at horizon"),
    ],
)
def test_a_wrong_line_of_params_is_named(tmp_path, old, new, message):
    text = (ROOT / "params.yaml").read_text()
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=rf"params.yaml:\d+: {message}|params.yaml:\d+: .*{message}"):
        TeachConfig.load(path)


def test_a_missing_params_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="run from the project's root"):
        TeachConfig.load(tmp_path / "params.yaml")


def test_every_package_is_installed():
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("dlnet", "stages", "studies")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert sorted(named) == sorted(found)


def test_names_of_test_files_are_distinct():
    """Of two test modules with the same name, pytest rejects the second."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
