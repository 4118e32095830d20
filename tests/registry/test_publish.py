"""The publisher against a real SQLite registry: once, whole, and the same again."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from made_publication import FAILED, PASSED, publication
from registry_content import content

from dlnet.errors import RegistryError
from dlnet.registry import lock
from dlnet.registry import publish as publisher
from dlnet.registry.client import connect
from dlnet.registry.publication import Publication


def counts(client) -> tuple[int, int, int]:
    registry = content(client)
    versions = sum(len(entry["versions"]) for entry in registry["registered"].values())
    return len(registry["runs"]), len(registry["models"]), versions


def test_what_is_published_stands_in_the_registry(registry):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    held = content(client)
    assert held["experiments"] == ["dlnet/test"]
    assert [run["status"] for run in held["runs"]] == ["FINISHED"] * 5
    student = next(run for run in held["runs"] if run["title"] == "student s2")
    assert student["params"] == {"hidden": "2"}
    assert student["metrics"]["mae"] == [(0, "0.002")]
    assert student["metrics"]["loss"] == [(0, "nan")]
    assert [step for step, _ in student["metrics"]["mae_validation"]] == [0, 1, 2, 3, 4]
    assert student["files"] == {"notes/gain.txt": 3}
    assert student["data"][0][:2] == ("windows", "0123456789abcdef0123456789abcdef.dir")
    assert held["models"][0]["metrics"] == [("mae_int8", 0.0012, "windows")]
    version = held["registered"]["dlnet-edge"]["versions"][0]
    assert version[1]["dlnet.gate"] == "passed"
    assert version[1]["dlnet.params"] == "abc"
    assert held["registered"]["dlnet-edge"]["aliases"] == {"candidate": 1}


def test_the_front_is_a_table_that_the_ui_finds(registry):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    parent = client.search_runs(["1"], "tags.`dlnet.kind` = 'pipeline'")[0]
    assert json.loads(parent.data.tags["mlflow.loggedArtifacts"]) == [{"path": "front.json", "type": "table"}]
    text = Path(parent.info.artifact_uri.removeprefix("file://"), "front.json").read_text()
    assert json.loads(text) == {"columns": ["name", "mae"], "data": [["s0", 0.001]]}


def test_twice_adds_nothing(registry):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    before = content(client)
    publisher.publish(publication(registry / "in"), client)
    assert content(client) == before


def test_a_lost_registry_is_rebuilt_the_same(registry, migrated):
    first = connect()
    publisher.publish(publication(registry / "in"), first)
    before = content(first)
    first._tracking_client.store.engine.dispose()
    second = f"sqlite:///{registry / 'again.db'}"
    shutil.copy(migrated, registry / "again.db")
    client = connect(second)
    publisher.publish(publication(registry / "in"), client, second)
    assert content(client) == before


STEPS = (
    "create_run", "log_batch", "log_artifacts", "set_terminated", "create_logged_model", "log_model_artifacts",
    "finalize_logged_model", "log_outputs", "create_registered_model", "create_model_version",
    "set_logged_model_tags", "set_registered_model_alias",
)  # fmt: skip


@pytest.mark.parametrize(("step", "when"), [("create_run", "before"), *((step, "after") for step in STEPS)])
def test_stopped_at_any_step_the_next_run_completes_without_duplicates(registry, migrated, monkeypatch, step, when):
    whole = publication(registry / "in", students=1)
    client = connect()
    with monkeypatch.context() as patch, pytest.raises(RegistryError, match="stopped here"):
        break_at(patch, client, step, when)
        publisher.publish(whole, client)
    publisher.publish(whole, client)
    resumed = content(client)
    straight = f"sqlite:///{registry / 'straight.db'}"
    shutil.copy(migrated, registry / "straight.db")
    other = connect(straight)
    publisher.publish(whole, other, straight)
    assert resumed == content(other)


def break_at(monkeypatch, client, step, when):
    real = getattr(client, step)

    def broken(*arguments, **named):
        if when == "after":
            real(*arguments, **named)
        raise OSError("stopped here")

    monkeypatch.setattr(client, step, broken)


def test_a_new_model_is_a_new_version_and_takes_the_alias(registry):
    client = connect()
    publisher.publish(publication(registry / "in", gain="1.0"), client)
    publisher.publish(publication(registry / "in", gain="2.0"), client)
    held = content(client)["registered"]["dlnet-edge"]
    assert [version[0] for version in held["versions"]] == [1, 2]
    assert held["aliases"] == {"candidate": 2}


def test_an_unchanged_model_in_a_changed_pipeline_stays_one_version(registry):
    client = connect()
    publisher.publish(publication(registry / "in", students=1), client)
    publisher.publish(publication(registry / "in", students=2), client)
    assert counts(client) == (3 + 4, 1, 1)
    assert all(run["outputs"] for run in content(client)["runs"] if run["title"] == "int8 e")


def test_a_closed_gate_gives_a_reason_and_no_alias(registry):
    client = connect()
    publisher.publish(publication(registry / "in", verdict=FAILED), client)
    held = content(client)["registered"]["dlnet-edge"]
    assert held["aliases"] == {}
    assert held["versions"][0][1]["dlnet.gate.reasons"] == "int8 does not beat ridge"


def test_over_budget_gives_a_reason_and_no_alias(registry):
    client = connect()
    publisher.publish(publication(registry / "in", budget=FAILED), client)
    held = content(client)["registered"]["dlnet-edge"]
    assert held["aliases"] == {}
    assert held["versions"][0][1]["dlnet.gate"] == "passed"
    assert held["versions"][0][1]["dlnet.budget"] == "failed"


def test_a_version_that_no_longer_passes_loses_the_alias_and_a_good_one_keeps_it(registry):
    client = connect()
    publisher.publish(publication(registry / "in", verdict=PASSED), client)
    publisher.publish(publication(registry / "in", verdict=FAILED), client)
    assert content(client)["registered"]["dlnet-edge"]["aliases"] == {}
    publisher.publish(publication(registry / "in", verdict=PASSED), client)
    publisher.publish(publication(registry / "in", gain="2.0", verdict=FAILED), client)
    assert content(client)["registered"]["dlnet-edge"]["aliases"] == {"candidate": 1}


def measured(folder: Path, gain: str, source: str = "mit", label: str = "MIT (measured)", **more) -> Publication:
    """A publication from a source with a label."""
    plain = publication(folder, gain=gain, **more)
    return dataclasses.replace(plain, lineage={**plain.lineage, "dlnet.source": source, "dlnet.label": label})


MOVED = "candidate was version 1 (fleet (simulated)); now version 2 (MIT (measured))"


def test_a_candidate_made_from_other_data_is_said_and_written_on_its_version(registry):
    client = connect()
    assert publisher.publish(measured(registry / "in", "1.0", "embedded", "fleet (simulated)"), client) == []
    for moves in ([f"dlnet-edge: {MOVED}"], []):
        assert publisher.publish(measured(registry / "in", "2.0"), client) == moves
        version = client.get_model_version_by_alias("dlnet-edge", "candidate")
        assert (version.version, version.tags["dlnet.candidate.note"]) == (2, MOVED)
        assert version.description == f"A card.\n\n{MOVED}"
    assert "dlnet.candidate.note" not in client.get_model_version("dlnet-edge", "1").tags


@pytest.mark.parametrize("verdict", [PASSED, FAILED])
def test_nothing_is_said_of_the_same_data_or_of_a_version_that_does_not_pass(registry, verdict):
    client = connect()
    publisher.publish(measured(registry / "in", "1.0"), client)
    label = "MIT (measured)" if verdict is PASSED else "another"
    assert publisher.publish(measured(registry / "in", "2.0", label=label, verdict=verdict), client) == []
    assert "dlnet.candidate.note" not in client.get_model_version("dlnet-edge", "2").tags


def test_labels_that_are_the_same_are_told_apart_by_their_sources(registry):
    client = connect()
    publisher.publish(measured(registry / "in", "1.0", source="csv"), client)
    words = "version 1 (MIT (measured), source csv); now version 2 (MIT (measured), source mit)"
    assert publisher.publish(measured(registry / "in", "2.0"), client) == [f"dlnet-edge: candidate was {words}"]


def test_a_version_without_source_and_label_gets_them_when_it_is_published_again(registry):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    moves = publisher.publish(measured(registry / "in", "2.0"), client)
    assert moves == ["dlnet-edge: candidate was version 1 (data not recorded); now version 2 (MIT (measured))"]
    publisher.publish(measured(registry / "in", "1.0"), client)
    tags = client.get_model_version("dlnet-edge", "1").tags
    assert (tags["dlnet.source"], tags["dlnet.label"]) == ("mit", "MIT (measured)")


def test_a_label_that_somebody_wrote_stays_one_line(registry):
    client = connect()
    publisher.publish(measured(registry / "in", "1.0"), client)
    client.set_model_version_tag("dlnet-edge", "1", "dlnet.label", "x\n::set-output name=a::b\x1b[31m")
    (move,) = publisher.publish(measured(registry / "in", "2.0"), client)
    assert move.isprintable()


@pytest.mark.parametrize("step", ["set_model_version_tag", "update_model_version", "set_registered_model_alias"])
def test_stopped_while_the_alias_moves_the_note_is_still_written(registry, monkeypatch, step):
    client = connect()
    publisher.publish(measured(registry / "in", "1.0", "embedded", "fleet (simulated)"), client)
    with monkeypatch.context() as patch, pytest.raises(RegistryError, match="stopped here"):
        break_at(patch, client, step, "after")
        publisher.publish(measured(registry / "in", "2.0"), client)
    publisher.publish(measured(registry / "in", "2.0"), client)
    version = client.get_model_version_by_alias("dlnet-edge", "candidate")
    assert (version.version, version.tags["dlnet.candidate.note"]) == (2, MOVED)
    assert version.description == f"A card.\n\n{MOVED}"


def test_an_alias_that_is_right_is_not_set_again(registry, monkeypatch):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    calls = []
    monkeypatch.setattr(client, "set_registered_model_alias", lambda *call: calls.append(call))
    publisher.publish(publication(registry / "in"), client)
    assert not calls, "a webhook would fire each time"


def test_a_person_s_alias_and_tags_survive(registry):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    client.set_registered_model_alias("dlnet-edge", "champion", 1)
    client.set_model_version_tag("dlnet-edge", 1, "note", "mine")
    publisher.publish(publication(registry / "in", gain="2.0"), client)
    held = content(client)["registered"]["dlnet-edge"]
    assert held["aliases"] == {"candidate": 2, "champion": 1}
    assert held["versions"][0][1]["note"] == "mine"


def test_the_model_loads_with_its_signature_enforced(registry):
    import mlflow

    client = connect()
    publisher.publish(publication(registry / "in", gain="0.5"), client)
    model = mlflow.pyfunc.load_model("models:/dlnet-edge@candidate")
    z, anchor = np.zeros((5, 2, 3), np.float32), np.full((5, 1), 0.9, np.float32)
    assert model.predict({"z": z, "anchor": anchor}) == pytest.approx(np.full((5, 4), 0.45))
    for wrong in ({"z": z[:, :1], "anchor": anchor}, {"z": z}, {"z": z.astype(np.float64), "anchor": anchor}):
        with pytest.raises(mlflow.exceptions.MlflowException):
            model.predict(wrong)


def test_no_model_holds_a_pickle(registry):
    client = connect()
    publisher.publish(publication(registry / "in"), client)
    names = {path.name for path in (registry / "mlartifacts").rglob("*") if path.is_file()}
    assert "MLmodel" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_the_key_of_a_pipeline_does_not_know_the_commit(tmp_path):
    one = publication(tmp_path)
    other = dataclasses.replace(one, lineage={"dlnet.git.commit": "f" * 40})
    assert one.key == other.key
    assert one.summary() == other.summary()


@pytest.mark.slow
def test_killed_in_the_middle_the_next_run_completes(registry, migrated):
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "import test_publish as t\n"
        "from dlnet.registry.client import connect\n"
        "t.publisher.publish(t.publication(Path('in'), students=40), connect())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=registry, env={**os.environ})
    client = connect()
    deadline = time.monotonic() + 120
    while runs_in(client) < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 10 <= runs_in(client) < 42
    whole = publication(registry / "in", students=40)
    publisher.publish(whole, client)
    assert counts(client) == (42, 1, 1)
    assert {run["status"] for run in content(client)["runs"]} == {"FINISHED"}


def runs_in(client) -> int:
    experiment = client.get_experiment_by_name("dlnet/test")
    return len(client.search_runs([experiment.experiment_id])) if experiment else 0


def test_two_at_the_same_time_publish_once(registry):
    whole, client = publication(registry / "in"), connect()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(publisher.publish, whole, client) for _ in range(2)]:
            done.result()
    assert counts(client) == (5, 1, 1)


def test_who_waits_for_another_says_so_and_gives_up_at_last(registry, monkeypatch, capsys):
    monkeypatch.setattr(lock, "LONGEST", 1.0)
    with (registry / "mlflow.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RegistryError, match="has been publishing for over an hour"):
            publisher.publish(publication(registry / "in"), connect())
    assert capsys.readouterr().err.count("another publish is under way") == 1


def test_a_dead_server_is_one_line_and_quick(monkeypatch):
    start = time.monotonic()
    with pytest.raises(RegistryError, match="does not answer") as caught:
        connect("http://user:secret@127.0.0.1:9")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert time.monotonic() - start < 30
