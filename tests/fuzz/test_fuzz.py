"""``make fuzz`` with fewer models; the models that it damages are sound; and what it reports is reported."""

import numpy as np
import pytest

from dlnet import forecast
from dlnet.baselines import saved
from dlnet.errors import ModelError
from dlnet.saved import load
from tests.fuzz import compiled, judge
from tests.fuzz.bases import bases
from tests.fuzz.campaign import fuzz

EVERY = bases()


@pytest.mark.slow
def test_damaged_models_are_used_or_refused_and_the_compiled_equal_the_reference():
    outcome = fuzz(models=5_000, compiled=20, jobs=2)
    assert outcome.faults == []
    assert outcome.found.tested == 5_000
    assert len(outcome.found.accepted) > 500
    assert outcome.found.refused.keys() >= {"ModelError", "DocumentError", "DLNetError"}
    assert outcome.compared.models + outcome.compared.refused.total() == 20
    assert outcome.compared.models > 10


@pytest.mark.parametrize("base", EVERY, ids=lambda base: base.name)
def test_the_models_that_are_damaged_are_sound(base, tmp_path):
    with judge.written(base.files) as folder:
        (tmp_path / "asset.csv").write_bytes(base.asset)
        result = forecast.forecast(tmp_path / "asset.csv", load(folder))
    assert np.isfinite(result.ahead).all()


def spoilt(monkeypatch, error):
    """What the fuzzer says of models whose opening ends in ``error``."""

    def trend(_folder):
        raise error

    monkeypatch.setattr(saved, "open_trend", trend)
    number = [base.name for base in EVERY].index("trend")
    return judge.judge(0, range(number, 60 * len(EVERY), len(EVERY)))


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), ModelError("two\nlines"), ModelError("")])
def test_another_exception_or_message_is_a_fault(monkeypatch, error):
    assert spoilt(monkeypatch, error).faults


def test_a_named_exception_of_one_line_is_none(monkeypatch):
    found = spoilt(monkeypatch, ModelError("one line"))
    assert not found.faults
    assert found.refused["ModelError"]


def endless(*_):
    while True:
        pass


def test_what_takes_too_long_is_a_fault(monkeypatch):
    monkeypatch.setattr(judge, "SECONDS", 0.01)
    monkeypatch.setattr(judge, "_use", endless)
    assert "TooSlowError" in judge.judge(0, range(20)).faults[0][1]


def test_what_takes_too_much_memory_is_a_fault(monkeypatch):
    monkeypatch.setattr(judge, "_use", lambda *_: np.ones(2 * judge.MEMORY, np.uint8))
    assert "Memory" in judge.judge(0, range(20)).faults[0][1]


def test_a_compiled_model_that_differs_by_one_unit_is_a_fault(monkeypatch, tmp_path):
    real = compiled.run

    def wrong(spec, z, anchor, x=None):
        trace = real(spec, z, anchor, x)
        trace.forecast[-1, -1] += 1
        return trace

    monkeypatch.setattr(compiled, "run", wrong)
    monkeypatch.setattr(compiled, "model_of", lambda every, _seed, number: (every[number], every[number].files))
    result = compiled.compare(EVERY, 0, [0], tmp_path)
    assert "differs from the reference" in result.faults[0][1]
