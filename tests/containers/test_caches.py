"""Every kind of link that DVC may make into its cache, inside the project and outside."""

import pytest
from made_project import TOTAL, commit, run, wait_for


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "copy"])
def test_stages_read_and_write_through_each_kind_of_cache(project, kind):
    run(project, "dvc", "config", "cache.type", kind)
    run(project, "dvc", "repro")
    assert (project / "first/numbers").is_symlink() == (kind == "symlink")
    (project / "second.py").write_text((project / "second.py").read_text() + "# once more\n")
    run(project, "dvc", "repro")  # reads `first`, by now a link
    assert (project / "second").read_text() == TOTAL
    assert run(project, "dvc", "status").stdout == "Data and pipelines are up to date.\n"


def test_a_cache_outside_the_project_is_in_reach(project, place):
    run(project, "dvc", "config", "cache.type", "symlink")
    run(project, "dvc", "cache", "dir", "../cache")
    run(project, "dvc", "repro")
    (project / "second.py").write_text((project / "second.py").read_text() + "# once more\n")
    run(project, "dvc", "repro")
    assert (project / "first/numbers").resolve().is_relative_to(place / "cache")
    assert (project / "second").read_text() == TOTAL


def test_queued_experiments_run_in_containers(project):
    (project / "params.yaml").write_text((project / "params.yaml").read_text() + "power: 2\n")
    dvc = project / "dvc.yaml"
    dvc.write_text(dvc.read_text().replace("    outs: [first]", "    params: [power]\n    outs: [first]"))
    commit(project)
    for power in ("3", "4"):
        run(project, "dvc", "exp", "run", "--queue", "--name", f"power-{power}", "--set-param", f"power={power}")
    run(project, "dvc", "queue", "start", "--jobs", "2")
    wait_for(
        lambda: "Running" not in (status := run(project, "dvc", "queue", "status").stdout) and "Queued" not in status
    )
    status = run(project, "dvc", "queue", "status").stdout
    assert status.count("Success") == 2, status + run(project, "dvc", "queue", "logs", "power-3", check=False).stdout
