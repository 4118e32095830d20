"""Packages: each is listed in the core or in an extra whose code imports it, and no listed package is unused."""

import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dlnet.errors import MissingExtraError
from dlnet.extras import EXTRA_OF, named_extras

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALLED = packages_distributions()
OWN = {"dlnet", "stages", "studies"}
# Used with those that need them.
INDIRECT = {"alembic", "cycler", "grimp", "h11", "packageurl", "sqlalchemy", "urllib3"}
# Indirect, and of the studies, which maintainers run.
ELSEWHERE = {"cycler", "packageurl", "urllib3", "grimp", "pybamm", "scipy", "progpy"}
# Not imported: a command, plug-ins of MLflow, wheels of one package for other machines.
NEVER_IMPORTED = {"dvc", "boto3", "psycopg2-binary", "tensorflow", "tensorflow-cpu"}


def names(lines):
    return {canonicalize_name(Requirement(line).name) for line in lines} - {"dlnet"}


CORE = names(PROJECT["dependencies"])
EXTRAS = {name: names(lines) for name, lines in PROJECT["optional-dependencies"].items() if name != "dev"}


@cache
def imported():
    """Import names of every package that the project imports."""
    graph = grimp.build_graph(*sorted(OWN), include_external_packages=True, cache_dir=None)
    roots = {module.partition(".")[0] for module in graph.modules}
    return roots - OWN - set(sys.stdlib_module_names)


def distributions(package):
    return {canonicalize_name(name) for name in INSTALLED.get(package, [package])}


def test_what_is_imported_is_listed():
    listed = CORE.union(*EXTRAS.values())
    assert {name for name in imported() - INDIRECT if not distributions(name) & listed} == set()


def test_what_is_listed_is_imported():
    used = {name for package in imported() for name in distributions(package)}
    assert CORE.union(*EXTRAS.values()) - used - NEVER_IMPORTED == set()


@pytest.mark.parametrize(("package", "extra"), sorted(EXTRA_OF.items()))
def test_the_extra_named_in_an_error_installs_the_package(package, extra):
    assert package in INDIRECT or distributions(package) & EXTRAS[extra]
    assert not distributions(package) & CORE


def test_every_package_of_an_extra_has_an_error():
    heavy = {name for name in imported() if not distributions(name) & CORE} - ELSEWHERE
    assert heavy - {"docker", "psutil"} == set(EXTRA_OF)  # these two run stages, which need make and every extra


def test_a_missing_package_is_named_with_its_extra():
    with (
        pytest.raises(MissingExtraError, match=r"capstone is not installed; .* pip install 'dlnet\[firmware\]'"),
        named_extras(),
    ):
        raise ModuleNotFoundError("No module named 'capstone.arm'", name="capstone.arm")


def test_a_missing_module_of_the_project_is_no_missing_extra():
    with pytest.raises(ModuleNotFoundError), named_extras():
        raise ModuleNotFoundError("No module named 'dlnet.nothing'", name="dlnet.nothing")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (["sketch", "--model", ".", "--board", "emulated", "--out", "out"], "capstone", "firmware"),
        (["device", "info", "--port", "none"], "serial", "firmware"),
        (["forecast", "cell.csv", "--model", "models:/dlnet-edge@candidate"], "mlflow", "registry"),
        (["promote", "1"], "requests", "registry"),
        (["relay", "--repository", "a/b"], "starlette", "relay"),
    ],
)
def test_a_command_without_its_extra_is_an_error_of_one_line(tmp_path, command, package, extra):
    """In a process where the package cannot be imported."""
    hide = f"import sys; sys.modules[{package!r}] = None; from dlnet.cli import main; sys.exit(main(sys.argv[1:]))"
    completed = subprocess.run(
        [sys.executable, "-c", hide, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (completed.returncode, completed.stdout) == (1, "")
    assert (
        completed.stderr
        == f"error: {package} is not installed; this needs the extra {extra}: pip install 'dlnet[{extra}]'\n"
    )
