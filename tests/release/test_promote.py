"""Alias champion: after the checks, taken away, given back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dlnet.cli import main
from dlnet.errors import RefusedError, RegistryError
from dlnet.registry.client import connect, set_version_tag
from dlnet.release.promote import Champion, Change


def champion():
    holder = connect().get_registered_model("dlnet-edge").aliases.get("champion")
    return None if holder is None else int(holder)


def test_a_version_that_passes_becomes_champion(versions):
    assert Champion("dlnet-edge").promote("1") == Change(None, 1)
    assert champion() == 1


def test_a_candidate_is_promoted_by_its_alias(versions):
    assert Champion("dlnet-edge").promote("candidate") == Change(None, 2)
    assert champion() == 2


def test_a_version_that_beats_no_baseline_is_refused_with_the_reason(versions):
    Champion("dlnet-edge").promote("1")
    with pytest.raises(RefusedError, match="gate was not passed: mean MAE 14.706 x persistence"):
        Champion("dlnet-edge").promote("3")
    assert champion() == 1


@pytest.mark.parametrize("tag", ["dlnet.gate", "dlnet.budget"])
def test_a_version_without_a_word_of_the_gate_is_refused(versions, tag):
    connect().delete_model_version_tag("dlnet-edge", "1", tag)
    with pytest.raises(RefusedError, match="has no result of the"):
        Champion("dlnet-edge").promote("1")


def test_a_version_over_budget_is_refused(versions):
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.budget", "failed")
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.budget.reasons", "flash 7,000 B over\n::add-mask::6,144")
    with pytest.raises(RefusedError, match="budget was not passed: flash 7,000 B over ::add-mask::") as caught:
        Champion("dlnet-edge").promote("1")
    assert "\n" not in str(caught.value), "a line of its own would be a command to a CI's log"


def test_a_version_whose_files_are_not_what_its_tags_say_is_refused(versions):
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.sha256.spec.json", "0" * 64)
    with pytest.raises(RefusedError, match="spec.json has SHA-256"):
        Champion("dlnet-edge").promote("1")


def test_eight_who_add_the_same_tag_at_the_same_time_all_succeed(versions):
    clients, start = [connect() for _ in range(8)], threading.Barrier(8, timeout=20)

    def tag(i):
        for n in range(5):
            start.wait()
            set_version_tag(clients[i], "dlnet-edge", 1, f"tag-{n}", str(i))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(8)))
    tags = connect().get_model_version("dlnet-edge", "1").tags
    assert {tags[f"tag-{n}"] for n in range(5)} <= {str(i) for i in range(8)}


@pytest.mark.parametrize("which", ["4", "0", "1.0", "../1", "x y"])
def test_what_is_no_version_is_said(versions, which):
    with pytest.raises(RegistryError):
        Champion("dlnet-edge").promote(which)
    assert champion() is None


def test_promoting_again_sets_nothing(versions, monkeypatch):
    Champion("dlnet-edge").promote("1")
    found = Champion("dlnet-edge")
    monkeypatch.setattr(found.client, "set_registered_model_alias", lambda *call: pytest.fail("a webhook would fire"))
    assert found.promote("1") == Change(1, 1)


def test_demotion_takes_the_alias_away_once(versions):
    Champion("dlnet-edge").promote("1")
    assert Champion("dlnet-edge").demote() == Change(1, None)
    assert champion() is None
    with pytest.raises(RegistryError, match="nothing to do"):
        Champion("dlnet-edge").demote()


def test_rollback_gives_the_alias_to_the_champion_before(versions):
    Champion("dlnet-edge").promote("1")
    Champion("dlnet-edge").promote("2")
    assert Champion("dlnet-edge").rollback() == Change(2, 1)
    assert champion() == 1


def test_what_was_rolled_back_is_not_rolled_back_to(versions):
    Champion("dlnet-edge").promote("1")
    Champion("dlnet-edge").promote("2")
    Champion("dlnet-edge").rollback()
    with pytest.raises(RegistryError, match="name a version: dlnet promote models:/dlnet-edge/VERSION"):
        Champion("dlnet-edge").rollback()


def test_a_version_promoted_again_after_a_rollback_counts_again(versions):
    Champion("dlnet-edge").promote("1")
    Champion("dlnet-edge").promote("2")
    Champion("dlnet-edge").rollback()
    Champion("dlnet-edge").promote("2")
    assert Champion("dlnet-edge").rollback() == Change(2, 1)


def test_rollback_is_refused_where_the_earlier_version_no_longer_passes(versions):
    Champion("dlnet-edge").promote("1")
    Champion("dlnet-edge").promote("2")
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.gate", "failed")
    with pytest.raises(RefusedError):
        Champion("dlnet-edge").rollback()
    assert champion() == 2


def test_the_commands_say_what_they_did_and_fail_in_one_line(versions, capsys):
    assert main(["promote", "1"]) == 0
    assert main(["promote", "2"]) == 0
    assert main(["rollback"]) == 0
    assert main(["demote"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "champion of dlnet-edge: version 1 (before: none)",
        "champion of dlnet-edge: version 2 (before: version 1)",
        "champion of dlnet-edge: version 1 (before: version 2)",
        "champion of dlnet-edge: none (before: version 1)",
    ]
    assert main(["promote", "3"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
