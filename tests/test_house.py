"""docs/design.md and CONTRIBUTING.md agree with the import contracts, dvc.yaml and the folders."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
DESIGN = (ROOT / "docs/design.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
PATH_NAME = re.compile(r"`((?:dlnet|tests|docker|mlflow|docs|firmware|stages)/[\w/.-]+)`")
TOOLS = Path(sys.executable).parent


def rows(text, header):
    """First two cells of the table under a header's line."""
    lines = text[text.index(header) :].partition("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")[:2]) for line in lines]


def rooms():
    layers = next(contract["layers"] for contract in CONTRACTS if contract.get("containers") == ["dlnet"])
    return [name.strip("()") for name in reversed(layers)]


def test_the_contracts_are_kept():
    completed = subprocess.run(
        [TOOLS / "lint-imports", "--no-cache", "--no-logo"], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in completed.stdout


@pytest.mark.parametrize(
    ("where", "line", "contract"),
    [
        ("dlnet/data/windows.py", "from dlnet.models import cells", "A room imports only rooms below it"),
        ("dlnet/errors.py", "from dlnet import files", "A room imports only rooms below it"),
        ("dlnet/release/plan.py", "import mlflow", "Only dlnet.registry imports mlflow"),
        ("dlnet/cli/app.py", "from stages import fetch", "Stages and studies stand on dlnet"),
        ("stages/prepare.py", "from stages import fetch", "No stage imports another"),
        ("stages/containers/plan.py", "from dlnet.data import windows", "What runs containers imports"),
        ("dlnet/device/make.py", "from dlnet.gate import verdict", "Only what chooses, reports"),
        ("studies/fit.py", "import pickle", "Nothing is pickled"),
    ],
)
def test_each_contract_detects_a_violation(tmp_path, where, line, contract):
    for name in ("dlnet", "stages", "studies"):
        for path in (ROOT / name).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    with (tmp_path / where).open("a") as stream:
        stream.write(f"\n{line}\n")
    completed = subprocess.run(
        [TOOLS / "lint-imports", "--no-cache", "--no-logo"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.returncode == 1
    assert [line for line in completed.stdout.splitlines() if contract in line and "BROKEN" in line]


def test_the_design_lists_the_rooms_in_the_order_of_the_contract():
    present = [name for name in rooms() if list((ROOT / "dlnet").glob(f"{name}*"))]
    assert [name for name, _ in rows(DESIGN, "| room of")] == present


def test_the_design_lists_what_each_stage_makes():
    outputs = {}
    for name, stage in STAGES.items():
        outs = stage.get("do", stage)["outs"]
        outputs[name] = ", ".join(f"`{out if isinstance(out, str) else next(iter(out))}`" for out in outs)
    assert rows(DESIGN, "| stage | makes |") == list(outputs.items())


def test_every_stage_is_in_the_contract_on_stages():
    modules = next(contract["modules"] for contract in CONTRACTS if contract["type"] == "independence")
    assert modules == [f"stages.{name}" for name in STAGES if name != "image"]


def test_only_fetch_and_publish_get_a_network():
    commands = {name: stage.get("do", stage)["cmd"] for name, stage in STAGES.items()}
    assert [name for name, command in commands.items() if "--network" in command] == ["fetch", "publish"]


def test_only_evaluate_reads_the_targets_of_test_assets():
    calls = [path for path in (ROOT / "stages").glob("*.py") if re.search(r"allow_test=True", path.read_text())]
    assert [path.stem for path in calls] == ["evaluate"]


GENERAL = ("models", "train", "distill", "compress", "select", "export", "firmware")
BATTERY_WORD = re.compile(r"(?i:soh|batter|capacit|voltage|charge|discharge)|\bAh\b")


def test_general_rooms_have_no_word_of_batteries():
    """What is measured on batteries stands in tasks/battery.yaml and in the modules that read their data."""
    paths = [path for room in GENERAL for path in (ROOT / "dlnet" / room).rglob("*") if path.suffix in (".py", ".j2")]
    assert {path.relative_to(ROOT / "dlnet").parts[0] for path in paths} == set(GENERAL)
    assert any(path.suffix == ".j2" for path in paths)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BATTERY_WORD.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("text", ["SoH", "battery", "capacitance", "a Voltage", "recharge", "9 Ah", "discharged"])
def test_words_of_batteries_are_found(text):
    assert BATTERY_WORD.search(text)


def test_the_design_lists_the_extras():
    text = DESIGN[DESIGN.index("## Installing") : DESIGN.index("## Formats")]
    extras = [
        name
        for name in PYPROJECT["project"]["optional-dependencies"]
        if name != "dev" and not name.startswith("simulate")
    ]
    assert re.findall(r"`([a-z]+)`", text) == extras


@pytest.mark.parametrize("text", [DESIGN, CONTRIBUTING], ids=["design", "contributing"])
def test_paths_that_are_named_exist(text):
    paths = PATH_NAME.findall(text)
    assert paths
    assert [name for name in paths if "$" not in name and not (ROOT / name.rstrip("/")).exists()] == []


def test_tables_that_are_named_exist():
    named = re.findall(r"`(\w+)` in `(dlnet/[\w/.]+\.py)`", CONTRIBUTING)
    assert len(named) == 4
    assert [name for name, path in named if not re.search(rf"^(def )?{name}\b", (ROOT / path).read_text(), re.M)] == []


def test_commands_that_are_named_are_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z]+)`", CONTRIBUTING + DESIGN))
    assert named
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.M)] == []


def test_the_folders_that_make_check_leaves_out_exist():
    tools = re.search(r"^TOOLS = (.*)$", (ROOT / "Makefile").read_text(), re.M)[1].split()
    assert [name for name in tools if not (ROOT / "tests" / name).is_dir()] == []


@pytest.mark.slow
def test_hooks_run_without_a_network(tmp_path):
    """All but mypy, which ``make test`` runs."""
    top = tmp_path / "clone"
    top.mkdir()
    for name in (".pre-commit-config.yaml", "pyproject.toml", "dlnet", "stages", "studies", ".github"):
        subprocess.run(["cp", "-r", ROOT / name, top], check=True)
    (top / ".venv").symlink_to(TOOLS.parent)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "SKIP": "mypy"}
    environment |= dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    subprocess.run(["git", "init", "-q", top], check=True)
    subprocess.run(["git", "add", "dlnet", "stages", "studies", ".github", "pyproject.toml"], cwd=top, check=True)
    command = [TOOLS / "pre-commit", "run", "--all-files", "--color", "never"]
    completed = subprocess.run(command, cwd=top, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert completed.stdout.count("Passed") == 4
