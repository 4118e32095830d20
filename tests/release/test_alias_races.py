"""While others set and delete alias champion, a release is claimed once, and for the version that has the alias."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow.exceptions import MlflowException
from plain_server import plain_server

from dlnet.errors import RegistryError
from dlnet.registry.client import connect, set_alias
from dlnet.registry.collect import collect
from dlnet.registry.publish import publish
from dlnet.release.ledger import Ledger
from dlnet.release.plan import Releases
from dlnet.release.promote import Champion

EDGE = "dlnet-edge"


def claims():
    return Releases(EDGE).ledger.claims()


def test_a_claim_for_a_version_that_lost_the_alias_is_given_up_and_the_new_champion_claimed(versions, monkeypatch):
    client = connect()
    set_alias(client, EDGE, "champion", 1)
    real, moved = Ledger.claim, []

    def claim(self, who, tag):
        if not moved:
            moved.append(set_alias(client, EDGE, "champion", 2))
        return real(self, who, tag)

    monkeypatch.setattr(Ledger, "claim", claim)
    plan = Releases(EDGE).claim("a")
    assert (plan.build, plan.version, plan.counter) == (True, 2, 2)
    assert [(one.tag.version, one.alive(time.time())) for one in claims()] == [(1, False), (2, True)]


def test_after_three_changes_of_the_alias_nothing_is_claimed(versions, monkeypatch):
    client = connect()
    set_alias(client, EDGE, "champion", 1)
    real = Ledger.claim

    def claim(self, who, tag):
        set_alias(client, EDGE, "champion", 3 - tag.version)
        return real(self, who, tag)

    monkeypatch.setattr(Ledger, "claim", claim)
    with pytest.raises(RegistryError, match="alias champion was changed 3 times meanwhile; run the command again"):
        Releases(EDGE).claim("a")
    assert len(claims()) == 3
    assert not [one for one in claims() if one.alive(time.time())]


class Refusing:
    """A client whose alias calls fail with a code, so many times."""

    def __init__(self, code, times):
        self.code, self.times, self.calls = code, times, 0

    def set_registered_model_alias(self, *call):
        self.calls += 1
        if self.calls <= self.times:
            error = MlflowException("lost")
            error.error_code = self.code
            raise error


@pytest.mark.parametrize(
    ("code", "times", "calls"),
    [
        ("TEMPORARILY_UNAVAILABLE", 2, 3), ("BAD_REQUEST", 2, 3), ("INTERNAL_ERROR", 1, 2),
        ("INTERNAL_ERROR", 9, 3), ("INVALID_PARAMETER_VALUE", 9, 1), ("PERMISSION_DENIED", 9, 1),
    ],
)  # fmt: skip
def test_an_alias_call_that_lost_a_race_is_tried_again_and_another_failure_is_not(code, times, calls):
    client = Refusing(code, times)
    try:
        set_alias(client, EDGE, "champion", 1)
        assert times < calls
    except MlflowException:
        assert times >= calls
    assert client.calls == calls


@pytest.fixture(scope="module")
def served(three, migrated, tmp_path_factory):
    """A server of two processes with one version."""
    folder = tmp_path_factory.mktemp("served")
    with plain_server(folder, migrated, workers=2) as uri, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        publish(collect(three / "made0"), connect(uri), uri)
        yield uri


@pytest.mark.slow
def test_on_one_server_two_claim_while_two_change_the_alias_and_one_gets_it(served):
    stop, claimers = threading.Event(), [Releases(EDGE) for _ in range(2)]

    def flip(champion):
        while not stop.is_set():
            champion.promote("1")
            set_alias(champion.client, EDGE, "champion", None)

    def claim(i):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                plan = claimers[i].claim(f"run-{i}")
            except RegistryError as error:
                assert "was changed 3 times meanwhile" in str(error)
                continue
            if plan.build or "is being built by" in plan.reason or "has just claimed" in plan.reason:
                return plan.build
        return None

    with ThreadPoolExecutor(4) as pool:
        flipping = [pool.submit(flip, Champion(EDGE)) for _ in range(2)]
        won = [pool.submit(claim, i) for i in range(2)]
        outcomes = [one.result() for one in won]
        stop.set()
        for one in flipping:
            one.result()
    assert sorted(outcomes) == [False, True]
    assert len([one for one in claims() if one.alive(time.time())]) == 1
