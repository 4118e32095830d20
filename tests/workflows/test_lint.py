"""The workflows against the linters, and against the rules that no linter knows."""

import re
import subprocess

import pytest
from ruamel.yaml import YAML
from stage import PROJECT, WORKFLOWS, used_actions

FILES = sorted(WORKFLOWS.glob("*.yml"))
SHA = re.compile(r"uses: [A-Za-z0-9-]+/[A-Za-z0-9./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
RELEASE_COMMAND = ".venv/bin/python -m dlnet.cli release "
PROJECT_COMMANDS = (
    *(".venv/bin/dlnet ", RELEASE_COMMAND, ".venv/bin/python tests/", "bash .ci/run", "gh release"),
    *("sh docker/debian.sh", "sh docker/release.sh", "sh docker/arduino-cli.sh"),
)


def load(path):
    return YAML(typ="safe").load(path)


def steps(path):
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def test_there_are_workflows():
    assert [path.name for path in FILES] == ["ci.yml", "firmware.yml"]


def test_zizmor_finds_nothing():
    command = ["zizmor", "--offline", "--persona", "pedantic", "--quiet", str(PROJECT / ".github")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_is_awake(tmp_path):
    bad = tmp_path / ".github/workflows/bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        'on: issues\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo "${{ github.event.issue.title }}"\n'
    )
    done = subprocess.run(["zizmor", "--offline", str(bad)], capture_output=True, text=True, check=False)
    assert "template-injection" in done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actionlint_finds_nothing(path):
    done = subprocess.run(["actionlint", "-no-color", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside(path):
    uses = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not SHA.fullmatch(line)] == []


def test_an_action_has_one_commit_everywhere():
    names = [use.split("@")[0] for use in used_actions()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rights_are_none_at_the_top_and_stated_by_each_job(path):
    document = load(path)
    assert document["permissions"] == {}
    assert document["concurrency"]
    for name, job in document["jobs"].items():
        assert job["permissions"], name
        assert job["timeout-minutes"] <= 120, name
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        wanted = {"release": {"contents", "id-token", "attestations"}, "receive": {"contents"}}
        assert writes == wanted.get(name, set())
        if writes or "secrets." in str(job):
            assert job["environment"], name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_shell_line_holds_an_expression(path):
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_steps_only_call_commands_of_the_project(path):
    lines = [step["run"] for step in steps(path) if "run" in step]
    others = [line for line in lines if not line.startswith(PROJECT_COMMANDS)]
    assert others == ([] if path.name == "ci.yml" else [others[0]])
    if others:  # what is published is what was built, byte for byte
        assert others[0].endswith("sha256sum --check --strict SHA256SUMS")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_checkout_leaves_its_token_behind(path):
    found = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert found
    assert all(step["with"] == {"persist-credentials": False} for step in found)


def test_the_model_that_was_planned_is_fetched_and_released():
    document = load(WORKFLOWS / "firmware.yml")
    assert document["env"]["DLNET_MODEL_NAME"] == "${{ vars.DLNET_MODEL_NAME || 'dlnet-edge' }}"
    assert document["jobs"]["release"]["env"]["DLNET_MODEL_NAME"] == (
        "${{ needs.build.outputs.name || needs.plan.outputs.name }}"
    )
    (fetch,) = [step for step in document["jobs"]["build"]["steps"] if "release fetch --model" in step.get("run", "")]
    assert "needs.plan.outputs.name, needs.plan.outputs.version" in fetch["env"]["MODEL"]
    assert "vars.DLNET_MODEL_NAME || 'dlnet-edge'" in document["concurrency"]["group"]


def test_secrets_reach_only_steps_that_ask_the_registry():
    for step in steps(WORKFLOWS / "firmware.yml"):
        if "secrets." in str(step):
            assert step["run"].startswith((".venv/bin/dlnet release ", RELEASE_COMMAND))


def test_jobs_that_plan_and_release_install_only_what_they_need():
    jobs = load(WORKFLOWS / "firmware.yml")["jobs"]
    installs = {
        name: [step["run"] for step in job["steps"] if step.get("run", "").startswith("sh docker/")]
        for name, job in jobs.items()
    }
    assert installs["plan"] == installs["release"] == ["sh docker/release.sh"]
    assert len(installs["build"]) == 2


def test_every_package_of_a_release_has_its_sha256():
    text = (PROJECT / "docker/release.txt").read_text()
    packages = text.replace("\\\n", " ").splitlines()
    assert len(packages) > 20
    assert [line for line in packages if "==" not in line or "--hash=sha256:" not in line] == []
    assert not re.search(r"^(torch|tensorflow|unicorn|mlflow==)", text, re.MULTILINE)


def test_the_tag_is_checked_right_before_the_release_is_made():
    runs = [step.get("run", "") for step in load(WORKFLOWS / "firmware.yml")["jobs"]["release"]["steps"]]
    (made,) = [i for i, run in enumerate(runs) if run.startswith("gh release create")]
    assert runs[made - 1].startswith(f'{RELEASE_COMMAND}check-tag "$TAG"')


def test_the_cache_of_arduinos_platform_follows_its_version_and_the_tool():
    for path in FILES:
        (cache,) = [step for step in steps(path) if step.get("uses", "").startswith("actions/cache@")]
        assert cache["with"]["path"] == "~/.arduino15/staging", "archives only: they are checked when unpacked"
        named = re.findall(r"'([^']+)'", cache["with"]["key"])
        assert named == ["docker/arduino-cli.lock", "firmware/dlnet_monitor/sketch.yaml"]
        assert all((PROJECT / name).is_file() for name in named)


def test_every_job_of_a_release_runs_where_the_variable_says():
    jobs = load(WORKFLOWS / "firmware.yml")["jobs"].values()
    assert {job["runs-on"] for job in jobs} == {"${{ vars.DLNET_RUNNER || 'ubuntu-24.04' }}"}


def test_the_job_that_may_see_drafts_runs_nothing_of_the_project():
    steps = load(WORKFLOWS / "firmware.yml")["jobs"]["receive"]["steps"]
    assert [step.get("run", step.get("uses", "")).split("@")[0].split(' "')[0] for step in steps] == [
        "gh release download",
        "actions/upload-artifact",
    ]


def test_no_step_of_a_bundle_gets_what_opens_the_registry():
    jobs = load(WORKFLOWS / "firmware.yml")["jobs"]
    for step in [*jobs["receive"]["steps"], *jobs["build"]["steps"]]:
        if "secrets." in str(step):
            assert step["if"] == "${{ needs.receive.result != 'success' }}"
