"""Rules of the house: which way imports go, what is banned, and that dvc.yaml and the stages read the same params."""

import ast
import importlib
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
SOURCES = sorted([*(ROOT / "dlnet").rglob("*.py"), *(ROOT / "stages").glob("*.py")])
LOWER = {
    "data": {"models", "distill", "compress", "select", "export", "registry", "report", "study"},
    "models": {"distill", "compress", "select", "export", "registry", "report", "study"},
    "distill": {"compress", "select", "export", "registry", "report", "study"},
    "compress": {"select", "export", "registry", "report", "study"},
    "select": {"export", "registry", "report", "study"},
    "export": {"registry", "report", "study"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_pickled_and_arrows_run_one_way(path):
    names, part = set(imports(path)), path.relative_to(ROOT).parts
    roots = {name.split(".")[0] for name in names}
    assert not roots & {"pickle", "joblib", "shelve", "dill", "cloudpickle"}
    assert part[0] != "dlnet" or "stages" not in roots
    if "mlflow" in roots:
        assert part[1] == "registry" or part[-1] in {"forecast.py", "doctor.py", "cli.py"}
    below = {f"dlnet.{name}" for name in LOWER.get(part[1], ())} if part[0] == "dlnet" else set()
    assert not {name for name in names for banned in below if name == banned or name.startswith(f"{banned}.")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_goes_through_a_shell_or_unpickles(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            assert not any(key.arg == "shell" and getattr(key.value, "value", 1) for key in node.keywords)
            assert ast.unparse(node.func) not in {"torch.load", "eval", "exec", "os.system"}


def test_no_shell_stands_between_dvc_and_a_launcher():
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
    configs = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, StageConfig)]
    # Where a stage runs changes no result, so no stage lists it.
    read = {field for one in configs if one not in (StageConfig, RunnerConfig) for field in one.model_fields}
    assert sorted(read) == sections


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  window: 50 ", "  window: 53 ", "task: window .53. must be a multiple of block .5."),
        ("  members: 5 ", "  members: five ", "teacher.members: .*got 'five'"),
        ("  members: 5 ", "  membres: 5 ", "teacher.membres: Extra inputs are not permitted"),
        ("teacher:\n", "teachers:\n", "teacher: Field required"),
        ("  horizon: 100 ", "  horizon: 90 ", "knots must rise and end at horizon"),
    ],
)
def test_a_wrong_line_of_params_is_named_with_its_place(tmp_path, old, new, words):
    text = (ROOT / "params.yaml").read_text()
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=rf"params.yaml:\d+: {words}|params.yaml:\d+: .*{words}"):
        TeachConfig.load(path)


def test_a_missing_params_file_says_where_to_run(tmp_path):
    with pytest.raises(ConfigError, match="run from the project's root"):
        TeachConfig.load(tmp_path / "params.yaml")


def test_every_package_is_installed():
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for top in ("dlnet", "stages")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert sorted(named) == sorted(found)


def test_every_test_file_has_a_name_of_its_own():
    """Python knows one module a name: of two files called alike pytest refuses the second."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
