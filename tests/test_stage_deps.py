"""The code dependencies of a stage in dvc.yaml are exactly the modules that it imports.

Code that a stage imports affects its result, so all of it is listed in ``deps``, by these rules:

- a package (room) of dlnet is listed as a whole: if one of its modules is imported, all of them count, with imports;
- ``dlnet/config/`` and the modules directly in ``dlnet`` are listed module by module;
- ``stages/__init__.py`` is listed: it sets the number of threads, and with it the order of sums;
- stage ``image`` only computes an image's identity, so it depends on the module that does so. Code that starts
  containers affects no result and is not listed.

``python tests/test_stage_deps.py`` prints the whole ``deps`` of each stage, code and data, for dvc.yaml.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import grimp
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
BY_MODULE = "dlnet.config"
IDENTITY = "stages.containers.identity"


@pytest.fixture(scope="module", name="graph")
def _graph():
    return build()


def build():
    return grimp.build_graph("dlnet", "stages", cache_dir=None)


def is_package(module):
    return (ROOT / module.replace(".", "/")).is_dir()


def unit(module):
    """The room of a module, or the module itself."""
    room = ".".join(module.split(".")[:2])
    return room if room.startswith("dlnet.") and room != BY_MODULE and is_package(room) else module


def modules(graph, name):
    return {name, *graph.find_descendants(name)} if unit(name) == name and name.startswith("dlnet.") else {name}


def closure(graph, module):
    """Every room and module that a module imports, directly or not."""
    seen, new = set(), {module}
    while new:
        seen |= new
        found = {
            name
            for known in new
            for part in modules(graph, known)
            for name in graph.find_modules_directly_imported_by(part)
        }
        new = {unit(name) for name in found} - seen
    return seen


def path(module):
    """A room or module as dvc.yaml names it."""
    folder = module.replace(".", "/")
    if not is_package(module):
        return f"{folder}.py"
    return folder if module.startswith("dlnet.") else f"{folder}/__init__.py"


def expected(graph, stage):
    return sorted(path(module) for module in closure(graph, IDENTITY if stage == "image" else f"stages.{stage}"))


def deps(stage):
    return STAGES[stage].get("do", STAGES[stage])["deps"]


def is_code(name):
    return name.startswith(("dlnet", "stages"))


def listed(stage):
    return sorted(filter(is_code, deps(stage)))


def line(graph, stage):
    """``deps`` as written in dvc.yaml: the image, code, data."""
    first, *data = [f'"{name}"' if "$" in name else name for name in deps(stage) if not is_code(name)]
    text = f"deps: [{', '.join([first, *expected(graph, stage), *data])}]"
    return textwrap.fill(text, 116, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_imports(graph, stage):
    assert listed(stage) == expected(graph, stage)


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "image"])
def test_a_stage_depends_on_the_image_that_it_runs_in(stage):
    """Else a change of the image, such as another version of a library, would not run the stage again."""
    _, image, own = re.fullmatch(
        r"exec python -m stages\.container (--network )?(\w+) -- python -m stages\.(\w+)", STAGES[stage]["cmd"]
    ).groups()
    assert own == stage
    assert [name for name in deps(stage) if name.startswith("docker/")] == [f"docker/{image}.image.json"]


def test_a_stage_that_reads_the_task_depends_on_its_file():
    reading = [name for name in STAGES if "load_quantities" in (ROOT / f"stages/{name}.py").read_text()]
    assert reading == [name for name in STAGES if "tasks/${task.name}.yaml" in deps(name)] == ["fetch", "prepare"]


@pytest.mark.parametrize("package", ["dlnet", "dlnet.config", "stages.containers"])
def test_packages_listed_by_module_import_nothing_in_init(package):
    """Python runs a package's ``__init__`` before any of its modules: what it imports, every stage would import."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())
    found = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in found if ast.unparse(node).startswith(("from dlnet", "import dlnet"))] == []


@pytest.mark.parametrize(
    ("changed", "clean"),
    [
        ("dlnet/export", ["fetch", "prepare", "baselines", "teach", "distill", "select", "compress", "reselect"]),
        *(
            (name, ["fetch", "prepare", "baselines", "teach", "distill", "select", "compress", "reselect", "quantise"])
            for name in ("dlnet/gate", "dlnet/report", "dlnet/registry", "dlnet/config/publish.py")
        ),
    ],
)
def test_a_change_leaves_earlier_stages_alone(changed, clean):
    assert [stage for stage in clean if changed in listed(stage)] == []
    assert [stage for stage in STAGES if changed in listed(stage)] != []


def test_the_closure_has_whole_rooms(graph):
    """``teach`` imports some modules of train, others of which import losses; config is listed module by module."""
    found = closure(graph, "stages.teach")
    assert {"dlnet.train", "dlnet.losses", "dlnet.config.task"} <= found
    assert "dlnet.config.publish" not in found
    assert "dlnet.config" not in found


if __name__ == "__main__":
    for name in STAGES:
        print(f"{name}:\n{line(build(), name)}")
