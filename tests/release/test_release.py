"""What is released: the champion, once."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dlnet.cli import main
from dlnet.errors import RefusedError, RegistryError
from dlnet.registry.client import connect
from dlnet.release import ledger
from dlnet.release.ledger import Ledger
from dlnet.release.plan import ReleasePlan, Releases
from dlnet.release.promote import Champion
from dlnet.release.tags import Tag

URL = "https://example.org/releases/firmware-v1"


def crown(version: str) -> None:
    """As the UI does it: the alias alone."""
    connect().set_registered_model_alias("dlnet-edge", "champion", version)


def tags(version: str) -> dict:
    return connect().get_model_version("dlnet-edge", version).tags


def test_without_a_champion_there_is_nothing_to_build(versions):
    assert not Releases("dlnet-edge").plan().build


def test_an_empty_registry_has_nothing_to_build(registry):
    assert not Releases("dlnet-edge").plan().build


def test_a_champion_set_in_the_ui_is_to_be_built(versions):
    crown("1")
    plan = Releases("dlnet-edge").plan()
    assert (plan.build, plan.version, plan.released) == (True, 1, None)
    assert (plan.tag, plan.counter) == (f"firmware-v1-{tags('1')['dlnet.key'][:8]}-c1", 1)


def test_a_plan_changes_nothing(versions):
    crown("1")
    before = tags("1")
    assert Releases("dlnet-edge").plan() == Releases("dlnet-edge").plan()
    assert tags("1") == before


@pytest.mark.parametrize("step", [lambda: Releases("dlnet-edge").plan(), lambda: Releases("dlnet-edge").claim("a")])
def test_a_champion_set_in_the_ui_meets_the_same_checks_as_promote(versions, step):
    crown("3")
    with pytest.raises(RefusedError, match="is champion and is not released: the gate was not passed"):
        step()


def test_a_claim_is_had_by_the_first_who_asks(versions):
    crown("1")
    assert Releases("dlnet-edge").claim("a").build
    second = Releases("dlnet-edge").claim("b")
    assert not second.build
    assert "being built by a" in second.reason
    assert not Releases("dlnet-edge").plan().build


def test_who_has_the_claim_may_ask_again(versions):
    crown("1")
    assert Releases("dlnet-edge").claim("a").build
    assert Releases("dlnet-edge").claim("a").build, "a workflow that is run again continues"


def test_what_is_recorded_is_never_built_again(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    tag = Releases("dlnet-edge").record(1, "a", URL)
    assert (tags("1")["dlnet.release"], tags("1")["dlnet.release.url"]) == (tag, URL)
    for who in ("a", "b"):
        plan = Releases("dlnet-edge").claim(who)
        assert (plan.build, plan.released) == (False, 1)


def test_recording_again_is_fine_and_under_another_claim_is_not(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    assert Releases("dlnet-edge").record(1, "a", URL) == Releases("dlnet-edge").record(1, "a", URL)
    crown("2")
    with pytest.raises(RegistryError, match="there is no claim"):
        Releases("dlnet-edge").record(2, "a", URL)
    assert "dlnet.release" not in tags("2")


def test_a_failed_build_can_be_claimed_again(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    with pytest.raises(RegistryError, match="a holds it"):
        Releases("dlnet-edge").fail(1, "b")
    Releases("dlnet-edge").fail(1, "a")
    assert Releases("dlnet-edge").claim("b").build


def test_a_dead_claim_falls_to_the_next_after_six_hours(versions, monkeypatch):
    crown("1")
    Releases("dlnet-edge").claim("a")
    real = time.time
    monkeypatch.setattr(ledger.time, "time", lambda: real() + 6 * 3600 - 60)
    assert not Releases("dlnet-edge").claim("b").build
    monkeypatch.setattr(ledger.time, "time", lambda: real() + 6 * 3600 + 60)
    assert Releases("dlnet-edge").claim("b").build
    with pytest.raises(RegistryError, match="b holds it"):
        Releases("dlnet-edge").record(1, "a", URL)


def released(version: str, who: str = "a") -> int:
    """Make the version champion and release it; returns the counter."""
    crown(version)
    plan = Releases("dlnet-edge").claim(who)
    assert plan.build
    assert Releases("dlnet-edge").record(int(version), who, URL) == plan.tag
    return plan.counter


def test_the_next_champion_is_built_with_the_next_counter(versions):
    assert released("1") == 1
    crown("2")
    plan = Releases("dlnet-edge").plan()
    assert (plan.build, plan.released, plan.counter) == (True, 1, 2)


def test_a_rollback_is_a_release_of_its_own_with_a_higher_counter(versions):
    assert (released("1"), released("2")) == (1, 2)
    assert Champion("dlnet-edge").rollback().after == 1
    plan = Releases("dlnet-edge").plan()
    assert (plan.build, plan.version, plan.released, plan.counter) == (True, 1, 2, 3)
    assert plan.tag == f"firmware-v1-{tags('1')['dlnet.key'][:8]}-c3"
    assert released("1") == 3
    assert (tags("1")["dlnet.release"], tags("1")["dlnet.release.counter"]) == (plan.tag, "3")
    assert not Releases("dlnet-edge").plan().build


def test_who_recorded_a_release_records_that_of_the_rollback_too(versions):
    released("1")
    released("2")
    crown("1")
    with pytest.raises(RegistryError, match="there is no claim"):
        Releases("dlnet-edge").record(1, "b", URL)
    assert Releases("dlnet-edge").claim("b").build
    assert Releases("dlnet-edge").record(1, "b", URL).endswith("-c3")


def test_a_counter_is_not_used_again_after_a_build_that_failed(versions):
    crown("1")
    assert Releases("dlnet-edge").claim("a").counter == 1
    Releases("dlnet-edge").fail(1, "a")
    assert Releases("dlnet-edge").claim("b").counter == 2
    crown("2")
    assert Releases("dlnet-edge").claim("b").counter == 3


def test_what_was_released_cannot_be_given_up(versions):
    released("1")
    with pytest.raises(RegistryError, match="nothing to give up"):
        Releases("dlnet-edge").fail(1, "a")


def test_a_counter_is_higher_than_those_of_released_versions_if_the_ledger_is_lost(versions):
    released("1")
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.release", f"firmware-v1-{'ab' * 4}-c41")
    assert Releases("dlnet-edge").plan().counter is not None
    crown("2")
    assert Releases("dlnet-edge").plan().counter == 42


def test_a_champion_of_the_ui_can_be_rolled_back_to_once_it_was_built(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    crown("2")
    assert Champion("dlnet-edge").rollback().after == 1


def test_a_release_that_was_made_and_not_recorded_is_recorded_and_not_made_again(versions):
    crown("1")
    made = Releases("dlnet-edge", exists=lambda tag: tag.startswith("firmware-v1-") and tag.endswith("-c1"))
    assert (made.plan().build, made.plan().unrecorded) == (False, True)
    assert "dlnet.release" not in tags("1")
    assert not made.claim("a").build
    assert tags("1")["dlnet.release"].startswith("firmware-v1-")
    assert not made.plan().unrecorded
    assert not Releases("dlnet-edge").claim("b").build


@pytest.mark.parametrize("who", ["", "a b", "a\nb", "../a", "x" * 65])
def test_a_claimant_of_another_form_is_refused(versions, who):
    crown("1")
    with pytest.raises(RegistryError, match="not a claimant"):
        Releases("dlnet-edge").claim(who)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/\n::set", "", "https://x y"])
def test_an_address_of_another_form_is_refused(versions, url):
    crown("1")
    Releases("dlnet-edge").claim("a")
    with pytest.raises(RegistryError, match="not a release's address"):
        Releases("dlnet-edge").record(1, "a", url)


def test_a_version_without_a_content_key_has_no_release(versions):
    crown("1")
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.key", "x\nbuild=true")
    with pytest.raises(RegistryError, match="no content key"):
        Releases("dlnet-edge").plan()


def test_the_command_writes_lines_that_a_workflow_reads(versions, capsys):
    crown("1")
    assert main(["release", "plan", "--output", "out.txt"]) == 0
    text = (versions / "out.txt").read_text()
    tag = f"firmware-v1-{tags('1')['dlnet.key'][:8]}-c1"
    assert text == f"build=true\nname=dlnet-edge\nversion=1\ncounter=1\ntag={tag}\nreleased=\nunrecorded=false\n"
    assert main(["release", "claim", "--claim", "run-1", "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed[printed.index("{") :])["build"] is True
    assert main(["release", "record", "1", "--claim", "run-1", "--url", URL]) == 0


def test_of_eight_who_ask_at_the_same_time_one_gets_it(versions):
    crown("1")
    asked, start = [Releases("dlnet-edge") for _ in range(8)], threading.Barrier(8)

    def ask(i):
        start.wait()
        return asked[i].claim(f"run-{i}").build

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(ask, range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert list(ledger_lines()) == ["release.1.claim"]


def test_of_eight_with_two_champions_no_two_get_the_same_counter(versions):
    crown("1")
    asked, start = [Releases("dlnet-edge") for _ in range(8)], threading.Barrier(8)
    ours = [asked[i].champion.client.get_model_version("dlnet-edge", str(1 + i % 2)) for i in range(8)]
    tags = [Tag("battery", int(version.version), version.tags["dlnet.key"][:8], 1) for version in ours]

    def ask(i):
        start.wait()
        return asked[i].ledger.claim(f"run-{i}", tags[i])

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(ask, range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]


def test_a_ledger_with_lines_that_this_project_never_writes_is_not_believed(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    connect().log_param(ledger_run(), "release.2.claim", "b 1 firmware-v1-1a2b3c4d-c3")
    with pytest.raises(RegistryError, match="'b 1 firmware-v1-1a2b3c4d-c3' with counter 2"):
        Releases("dlnet-edge").plan()


def ledger_run() -> str:
    client = connect()
    experiment = client.get_experiment_by_name("dlnet-releases").experiment_id
    (run,) = client.search_runs([experiment], "tags.`dlnet.ledger` = 'dlnet-edge'")
    return run.info.run_id


def ledger_lines() -> dict:
    return connect().get_run(ledger_run()).data.params


def test_of_eight_claims_on_a_free_version_that_are_written_together_one_holds(versions):
    crown("1")
    plan, start = Releases("dlnet-edge"), threading.Barrier(8)
    key = plan.champion.client.get_model_version("dlnet-edge", "1").tags["dlnet.key"]
    tag = Tag("battery", 1, key[:8], 1)

    class Together(Ledger):
        """Has read that the version is free before anyone writes."""

        def _write(self, *line):
            start.wait(30)
            return super()._write(*line)

    def claim(i):
        return Together(connect(), plan.registry, "dlnet-edge").claim(f"run-{i}", tag)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim, range(8)))
    assert sorted(won) == [False] * 7 + [True]


@pytest.mark.parametrize("value", ["firmware-v1\nbuild=true", "a=b", "a b", "a\r", "v1\x1b[2J"])
def test_no_value_is_more_than_one_line_of_the_output(value):
    plan = ReleasePlan(build=False, reason="any\nreason", name="dlnet-edge", tag=value)
    with pytest.raises(RegistryError, match="^tag is .*cannot be a line of an output file") as caught:
        plan.lines()
    assert "\n" not in str(caught.value)
