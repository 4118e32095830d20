"""Others delete in MLflow what a registered version points to: publishing again restores it or makes a new version."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_publication import publication
from registry_content import content

from dlnet.errors import RefusedError, RegistryError
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetched, find
from dlnet.registry.publish import publish
from dlnet.release.plan import Releases
from dlnet.release.promote import Champion

EDGE = "dlnet-edge"


def collected(*words: str) -> None:
    """Remove for good what is marked as deleted, as ``mlflow gc`` does."""
    from click.testing import CliRunner
    from mlflow.cli import gc

    uri = f"sqlite:///{Path('mlflow.db').absolute()}"
    done = CliRunner().invoke(gc, ["--backend-store-uri", uri, "--tracking-uri", uri, *words])
    assert done.exit_code == 0, done.output


def model_id(client, version="1") -> str:
    return client.get_model_version(EDGE, version).source.removeprefix("models:/")


def folder(client) -> Path:
    """Where the files of version 1 are."""
    return Path(str(client.get_logged_model(model_id(client)).artifact_location).removeprefix("file://"))


@pytest.fixture
def once(registry):
    """A registry with one version, and what publishes it again."""
    client = connect()
    again = lambda: publish(publication(registry / "in", students=1), client)  # noqa: E731
    assert again() == []
    return client, again


def test_a_deleted_run_is_restored_by_publishing_and_its_version_stays(once):
    client, again = once
    before, run_id = content(client), client.get_model_version(EDGE, "1").run_id
    client.delete_run(run_id)
    assert again() == [f"run int8 e ({run_id}) had been deleted in MLflow: restored"]
    assert content(client) == before
    assert again() == []


def test_a_deleted_pipeline_run_is_restored_and_not_made_twice(once):
    client, again = once
    before = content(client)
    (parent,) = client.search_runs(["1"], "tags.`dlnet.kind` = 'pipeline'")
    client.delete_run(parent.info.run_id)
    assert len(again()) == 1
    assert content(client) == before


def test_a_deleted_experiment_is_restored_with_its_runs(once):
    client, again = once
    before = content(client)
    client.delete_experiment("1")
    assert again() == ["experiment dlnet/test had been deleted in MLflow: restored"]
    assert content(client) == before


def test_files_of_a_restored_run_are_uploaded_again(once):
    client, again = once
    (student,) = client.search_runs(["1"], "tags.`dlnet.kind` = 'student'")
    before = content(client)
    shutil.rmtree(Path(student.info.artifact_uri.removeprefix("file://")))
    client.delete_run(student.info.run_id)
    again()
    assert content(client) == before


def test_a_run_that_is_gone_for_good_gives_a_new_version(once):
    client, again = once
    client.delete_run(client.get_model_version(EDGE, "1").run_id)
    collected()
    said = again()
    assert said == [f"{EDGE}: version 1 points to what was deleted in MLflow: version 2 is the same model"]
    two = client.get_model_version(EDGE, "2")
    assert client.get_run(two.run_id).info.lifecycle_stage == "active"
    assert client.get_registered_model(EDGE).aliases == {"candidate": 2}
    assert again() == []


def test_mlflow_gc_passes_over_missing_files_and_publishing_again_makes_the_run_anew(once):
    client, again = once
    before = content(client)
    (student,) = client.search_runs(["1"], "tags.`dlnet.kind` = 'student'")
    shutil.rmtree(Path(student.info.artifact_uri.removeprefix("file://")))
    client.delete_run(student.info.run_id)
    collected("--run-ids", student.info.run_id)
    assert again() == []
    assert content(client) == before


def test_an_experiment_that_is_gone_for_good_is_published_anew(once):
    client, again = once
    client.delete_experiment("1")
    collected()
    again()
    assert find(f"models:/{EDGE}@candidate", client).number == 2
    assert again() == []


@pytest.mark.parametrize("for_good", [False, True])
def test_a_deleted_logged_model_gives_a_new_version(once, for_good):
    client, again = once
    client.delete_logged_model(model_id(client))
    if for_good:
        collected()
    assert again() == [f"{EDGE}: version 1 points to what was deleted in MLflow: version 2 is the same model"]
    assert find(f"models:/{EDGE}@candidate", client).number == 2
    assert again() == []


@pytest.mark.parametrize("name", ["artifacts/gain.txt", "MLmodel", "stub_model.py", "requirements.txt"])
def test_a_missing_file_is_uploaded_again_and_the_version_stays(once, name):
    client, again = once
    content_before = (folder(client) / name).stat().st_size
    (folder(client) / name).unlink()
    assert again() == [f"{EDGE}: files of {model_id(client)} were missing or changed: uploaded"]
    assert (folder(client) / name).stat().st_size == content_before
    assert [version.version for version in client.search_model_versions(f"name = '{EDGE}'")] == [1]
    assert again() == []


@pytest.mark.parametrize("name", ["artifacts/gain.txt", "stub_model.py"])
def test_a_changed_file_is_uploaded_again(once, name):
    client, again = once
    before = (folder(client) / name).read_bytes()
    (folder(client) / name).write_bytes(b"9" * len(before))
    assert len(again()) == 1
    assert (folder(client) / name).read_bytes() == before


def test_a_folder_that_is_missing_is_uploaded_again(once):
    client, again = once
    before = content(client)
    shutil.rmtree(folder(client))
    assert len(again()) == 1
    assert content(client) == before


def test_a_logged_model_with_a_file_that_is_never_published_is_not_used_again(once):
    client, again = once
    (folder(client) / "artifacts/run.pkl").write_bytes(b"\x80\x04.")
    assert again() == [f"{EDGE}: version 1 points to what was deleted in MLflow: version 2 is the same model"]


def test_a_version_of_another_logged_model_is_not_taken_for_the_same(once):
    """Anybody can register a version with our tags; it keeps its files, which are not ours."""
    client, again = once
    mine = client.get_model_version(EDGE, "1")
    other = client.create_logged_model("1", name="other", source_run_id=mine.run_id)
    client.create_model_version(EDGE, f"models:/{other.model_id}", mine.run_id, mine.tags)
    assert again() == []
    assert client.get_registered_model(EDGE).aliases == {"candidate": 1}


@pytest.fixture
def crowned(versions):
    """Champion is version 2."""
    client = connect()
    client.set_registered_model_alias(EDGE, "champion", "2")
    return client, client.get_model_version(EDGE, "2").run_id


def fetch_release():
    from dlnet.release.fetch import check_out

    check_out(f"models:/{EDGE}/2", Path("out"))


STEPS = [
    lambda: Releases(EDGE).plan(), lambda: Releases(EDGE).claim("a"), lambda: Champion(EDGE).promote("2"),
    fetch_release,
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_a_release_names_the_command_that_restores_a_deleted_run(crowned, step):
    client, run_id = crowned
    client.delete_run(run_id)
    with pytest.raises(
        RefusedError, match=f"its run {run_id} was deleted in MLflow; run mlflow runs restore --run-id {run_id}$"
    ):
        step()
    client.restore_run(run_id)
    step()


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_a_release_names_a_deleted_experiment(crowned, step):
    client, run_id = crowned
    number = client.get_run(run_id).info.experiment_id
    client.delete_experiment(number)
    with pytest.raises(
        RegistryError, match=f"was deleted in MLflow; run mlflow experiments restore --experiment-id {number}$"
    ):
        step()


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_a_release_advises_to_publish_what_is_gone_for_good(crowned, step):
    client, run_id = crowned
    client._tracking_client.store._hard_delete_run(run_id)
    with pytest.raises(
        RefusedError, match="is not in MLflow any more .mlflow gc.; run make publish, which makes a new"
    ):
        step()


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_a_release_names_a_deleted_logged_model(crowned, step):
    client, _ = crowned
    lost = model_id(client, "2")
    client.delete_logged_model(lost)
    with pytest.raises(
        RegistryError, match=f"version 2: its logged model {lost} was deleted in MLflow.*run make publish"
    ) as caught:
        step()
    assert "\n" not in str(caught.value)


def test_a_logged_model_that_was_never_uploaded_whole_is_refused(crowned):
    client, run_id = crowned
    started = client.create_logged_model("1", name=EDGE, source_run_id=run_id)
    client.create_model_version(EDGE, f"models:/{started.model_id}", run_id)
    with pytest.raises(RegistryError, match="was not uploaded whole; run make publish"):
        find(f"models:/{EDGE}/4", client)


def test_a_run_s_id_that_is_none_is_not_part_of_a_command(crowned):
    client, _ = crowned
    version = client.get_model_version(EDGE, "2")
    client.create_model_version(EDGE, version.source, "x; rm -rf ~", version.tags)
    client.set_registered_model_alias(EDGE, "champion", "4")
    with pytest.raises(RefusedError, match="its run x; rm -rf ~ is not in MLflow any more") as caught:
        Releases(EDGE).plan()
    assert "restore" not in str(caught.value)


def test_after_publishing_again_a_champion_whose_run_is_gone_can_be_replaced_and_released(crowned, three):
    client, run_id = crowned
    client._tracking_client.store._hard_delete_run(run_id)
    said = publish(collect(three / "made1"), client)
    assert said == [f"{EDGE}: version 2 points to what was deleted in MLflow: version 4 is the same model"]
    Champion(EDGE).promote("candidate")
    assert Releases(EDGE).claim("a").version == 4


def test_a_deleted_run_keeps_no_forecast_from_its_model(crowned):
    client, run_id = crowned
    client.delete_run(run_id)
    with fetched(f"models:/{EDGE}/2") as got:
        assert (got.folder / "spec.json").is_file()
