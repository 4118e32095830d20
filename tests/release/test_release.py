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
    assert plan.tag == f"firmware-v1-{tags('1')['dlnet.key'][:8]}"


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


def test_the_next_champion_is_built_and_an_earlier_one_is_not_built_again(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    Releases("dlnet-edge").record(1, "a", URL)
    crown("2")
    assert (Releases("dlnet-edge").plan().build, Releases("dlnet-edge").plan().released) == (True, 1)
    Releases("dlnet-edge").claim("a")
    Releases("dlnet-edge").record(2, "a", URL)
    crown("1")
    plan = Releases("dlnet-edge").plan()
    assert (plan.build, plan.released) == (False, 2)


def test_a_champion_of_the_ui_can_be_rolled_back_to_once_it_was_built(versions):
    crown("1")
    Releases("dlnet-edge").claim("a")
    crown("2")
    assert Champion("dlnet-edge").rollback().after == 1


def test_a_release_that_was_made_and_not_recorded_is_recorded_and_not_made_again(versions):
    crown("1")
    made = Releases("dlnet-edge", exists=lambda tag: tag.startswith("firmware-v1-"))
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
    tag = f"firmware-v1-{tags('1')['dlnet.key'][:8]}"
    assert text == f"build=true\nname=dlnet-edge\nversion=1\ntag={tag}\nreleased=\nunrecorded=false\n"
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
    holders = [key for key in connect().get_run(asked_run()).data.params if key.startswith("release.")]
    assert holders == ["release.1.claim"]


def test_of_eight_claims_on_a_free_version_that_are_written_together_one_holds(versions):
    crown("1")
    run, start = asked_run(), threading.Barrier(8)

    class Together(Ledger):
        """Has read that the version is free before anyone writes."""

        def _write(self, key, value):
            start.wait(30)
            return super()._write(key, value)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda i: Together(connect(), run).claim(f"run-{i}"), range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert Ledger(connect(), run).holder().who == f"run-{won.index(True)}"


@pytest.mark.parametrize("value", ["firmware-v1\nbuild=true", "a=b", "a b", "a\r", "v1\x1b[2J"])
def test_no_value_is_more_than_one_line_of_the_output(value):
    plan = ReleasePlan(build=False, reason="any\nreason", name="dlnet-edge", tag=value)
    with pytest.raises(RegistryError, match="^tag is .*cannot be a line of an output file") as caught:
        plan.lines()
    assert "\n" not in str(caught.value)


def asked_run() -> str:
    return connect().get_model_version("dlnet-edge", "1").run_id
