"""A battery's and a pump's models side by side: what is done to one leaves the other as it is."""

import pytest

from dlnet.cli import main
from dlnet.errors import RegistryError
from dlnet.registry.client import connect
from dlnet.registry.fetch import Version
from dlnet.release.fetch import check_out
from dlnet.release.plan import Releases
from dlnet.release.promote import Champion, Change
from dlnet.release.tags import is_release_of, release_tag

BATTERY, PUMP = "dlnet-edge", "dlnet-pump-edge"
HOSTILE = [
    "",
    "dlnet-teacher",
    "dlnet-pump-student",
    "dlnet-lock",
    "dlnet-battery-edge",
    "a' OR name = 'b",
    "x\nname=y",
]
URL = "https://example.org/releases/1"


def aliases(name):
    return {alias: int(number) for alias, number in connect().get_registered_model(name).aliases.items()}


def tags(name, version):
    return connect().get_model_version(name, version).tags


def run(*words):
    assert main([*words]) == 0


def test_each_has_its_own_candidate(both):
    assert (aliases(BATTERY), aliases(PUMP)) == ({"candidate": 2}, {"candidate": 2})
    registered = {model.name for model in connect().search_registered_models()}
    roles = ("edge", "student", "teacher")
    assert registered == {f"dlnet-{role}" for role in roles} | {f"dlnet-pump-{role}" for role in roles}


@pytest.mark.parametrize(("name", "other"), [(BATTERY, PUMP), (PUMP, BATTERY)])
def test_promotion_rollback_and_demotion_leave_the_other_s_champion(both, name, other):
    assert Champion(other).promote("2") == Change(None, 2)
    held = [tags(other, number) for number in "12"]
    assert Champion(name).promote("1") == Change(None, 1)
    assert Champion(name).promote("candidate") == Change(1, 2)
    assert Champion(name).rollback() == Change(2, 1)
    assert aliases(other) == {"candidate": 2, "champion": 2}
    assert Champion(name).demote() == Change(1, None)
    assert aliases(other) == {"candidate": 2, "champion": 2}
    assert [tags(other, number) for number in "12"] == held


def test_no_rollback_to_a_champion_of_another_model(both):
    Champion(BATTERY).promote("1")
    Champion(PUMP).promote("2")
    with pytest.raises(RegistryError, match="dlnet promote models:/dlnet-pump-edge/VERSION"):
        Champion(PUMP).rollback()


def test_a_release_of_one_is_none_of_the_other(both):
    Champion(BATTERY).promote("1")
    Champion(PUMP).promote("1")
    assert Releases(BATTERY).claim("a").build
    made = Releases(BATTERY).record(1, "a", URL)
    before = tags(BATTERY, "1")
    plan = Releases(PUMP, exists=lambda tag: tag == made).plan()
    assert (plan.build, plan.name, plan.version, plan.released) == (True, PUMP, 1, None)
    assert plan.tag == f"firmware-pump-v1-{tags(PUMP, '1')['dlnet.key'][:8]}-c1"
    assert Releases(PUMP).claim("b").build
    Releases(PUMP).fail(1, "b")
    assert Releases(PUMP).claim("c").build
    assert Releases(PUMP).record(1, "c", URL) == plan.tag.replace("-c1", "-c2")
    assert Releases(PUMP).plan().released == 1
    assert tags(BATTERY, "1") == before


def test_a_ledger_that_records_the_release_of_another_model_is_not_believed(both):
    Champion(PUMP).promote("1")
    Releases(PUMP).claim("a")
    (run,) = connect().search_runs(
        [connect().get_experiment_by_name("dlnet-releases").experiment_id], f"tags.`dlnet.ledger` = '{PUMP}'"
    )
    connect().log_param(run.info.run_id, "release.2.claim", "a 1 firmware-v1-1a2b3c4d-c2")
    with pytest.raises(RegistryError, match="dlnet-pump-edge: its ledger records 'a 1 firmware-v1-1a2b3c4d-c2'"):
        Releases(PUMP).plan()


def test_the_commands_act_on_the_model_that_is_named(both, capsys, monkeypatch):
    run("promote", "models:/dlnet-pump-edge/1")
    run("promote", "2", "--name", PUMP)
    run("rollback", "--name", PUMP)
    assert (aliases(PUMP)["champion"], "champion" in aliases(BATTERY)) == (1, False)
    monkeypatch.setenv("DLNET_MODEL_NAME", PUMP)
    run("release", "plan", "--output", "plan.txt")
    assert f"name={PUMP}\nversion=1\ncounter=1\ntag=firmware-pump-v1-" in (both / "plan.txt").read_text()
    run("release", "claim", "--claim", "a")
    run("release", "fail", "1", "--claim", "a")
    run("release", "claim", "--claim", "b")
    run("release", "record", "1", "--claim", "b", "--url", URL)
    assert tags(PUMP, "1")["dlnet.release"].startswith("firmware-pump-v1-")
    run("demote")
    run("promote", "models:/dlnet-edge@candidate")
    assert (aliases(BATTERY)["champion"], "champion" in aliases(PUMP)) == (2, False)
    printed = capsys.readouterr().out
    assert "champion of dlnet-pump-edge: version 1 (before: version 2)" in printed
    assert "champion of dlnet-edge: version 2 (before: none)" in printed


def test_a_uri_and_a_name_that_differ_are_wrong_usage(both, capsys):
    assert main(["promote", "models:/dlnet-pump-edge/1", "--name", BATTERY]) == 2
    assert "models:/dlnet-pump-edge/1 is not of dlnet-edge" in capsys.readouterr().err
    assert "champion" not in aliases(PUMP)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("words", [["promote", "1"], ["rollback"], ["release", "plan", "--output", "out.txt"]])
def test_what_is_no_edge_model_is_refused_in_one_line(registry, capsys, words, name):
    assert main([*words, "--name", name]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (registry / "out.txt").exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_edge_model_has_no_champion_and_no_release(both, name):
    for made in (Champion, Releases):
        with pytest.raises(RegistryError, match="not a registered edge model"):
            made(name)


def test_fetch_takes_edge_models_of_any_task_and_no_others(both, tmp_path):
    fetched = check_out("models:/dlnet-pump-edge/1", tmp_path / "out")
    assert (fetched.name, fetched.number) == (PUMP, 1)
    with pytest.raises(RegistryError, match="'dlnet-pump-teacher': not a registered edge model"):
        check_out("models:/dlnet-pump-teacher/1", tmp_path / "teacher")
    assert not (tmp_path / "teacher").exists()


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        (BATTERY, "firmware-v7-abababab-c9"),
        (PUMP, "firmware-pump-v7-abababab-c9"),
        ("dlnet-v7-edge", "firmware-v7-v7-abababab-c9"),
    ],
)
def test_a_tag_belongs_to_one_model_and_version(name, tag):
    assert str(release_tag(Version(name, 7, {"dlnet.key": "ab" * 32}, ""), 9)) == tag
    names = (BATTERY, PUMP, "dlnet-v7-edge")
    assert [one for one in names if is_release_of(tag, one, 7)] == [name]
    assert not is_release_of(tag, name, 8)
    assert not is_release_of(f"{tag}\n", name, 7)
    assert not is_release_of(tag.removesuffix("-c9"), name, 7)
