"""The quantise stage in weights of 4 bits, of 8, and in mixed precision."""

from pathlib import Path

import pytest
from small_grid import baselines_params
from synthetic_dataset import small_net, synthetic_encoder, task, write_windows

from dlnet.config.quantise import BlendParams, QuantiseParams
from dlnet.data.windows import WindowDataset
from dlnet.export.convert import weights_of
from dlnet.export.documents import EdgeMetrics
from dlnet.export.golden import check_golden
from dlnet.export.reference import predict_reference, quantise_inputs
from dlnet.export.spec import load_spec, make_spec, to_json
from dlnet.models.network import initial
from dlnet.models.precision import PARTS, Precision
from dlnet.models.trained import TrainedModel
from dlnet.select.record import FrontRecord
from stages import quantise as stage
from stages.quantise import QuantiseConfig

pytestmark = pytest.mark.slow  # TensorFlow
OUT = Path("models/edge/one")


@pytest.fixture
def quantised(tmp_path, monkeypatch):
    """Run the stage on one random student; its student and metrics."""
    monkeypatch.chdir(tmp_path)
    write_windows(Path("data/windows"))
    _, encoder = synthetic_encoder()

    def run(bits, slack=1.01, /, **changes):
        config = small_net(channels=len(encoder.channels), **changes)
        student = TrainedModel("one", encoder, config, initial(config, [2]))
        student.save(Path("models/students/one"), WindowDataset.load(Path("data/windows")))
        front = Path("models/front2/front.json")
        front.parent.mkdir(parents=True, exist_ok=True)
        FrontRecord(objectives=("mae_validation",), front=("one",), elites=("one",), notes=()).write(front)
        params = QuantiseParams(engine_bound=1.05, bits=bits, bits_slack=slack, blend=BlendParams(form="none"))
        config = QuantiseConfig(task=task(), baselines=baselines_params(), quantise=params)
        monkeypatch.setattr(stage.QuantiseConfig, "load", lambda: config)
        stage.main()
        return student, EdgeMetrics.read(OUT / "metrics.json")

    return run


def training_windows(student):
    dataset = WindowDataset.load(Path("data/windows"))
    return quantise_inputs(student.encoder.encode(dataset, dataset.windows("train", task().stride_train)))


def validation_mae(student, spec):
    dataset = WindowDataset.load(Path("data/windows"))
    ends = dataset.windows("validation", task().stride_eval)
    forecast = predict_reference(spec, student.encoder.encode(dataset, ends), student.encoder.anchor(dataset, ends))
    return dataset.errors(forecast, ends).mae


def test_4_bits_of_a_student_with_branches(quantised):
    student, metrics = quantised(4, branches=2)
    spec = load_spec(OUT / "spec.json")
    expected = make_spec(weights_of(student), training_windows(student), Precision.of(4))
    assert to_json(spec) == to_json(expected)
    assert metrics.bits == {"step": 4, "gate": 4, "head": 4}
    assert metrics.mae_engines_validation["reference"] == pytest.approx(validation_mae(student, expected))
    assert metrics.sensitivity is None
    check_golden(OUT / "golden.safetensors", spec)


def test_a_student_trained_in_4_bits_keeps_the_rounding_it_was_trained_with(quantised):
    student, metrics = quantised(8, bits=4)
    assert to_json(load_spec(OUT / "spec.json")) == to_json(make_spec(weights_of(student), precision=Precision.of(4)))
    assert metrics.bits == {"step": 4, "head": 4}


@pytest.mark.parametrize("slack", [1.0, 1.2, 100.0])
def test_auto_takes_4_bits_where_the_validation_error_allows_it(quantised, slack):
    student, metrics = quantised("auto", slack, hidden=24, rank=16)
    windows, weights = training_windows(student), weights_of(student)
    base = validation_mae(student, make_spec(weights, windows))
    alone = {p: make_spec(weights, windows, Precision().lowered(p)) for p in PARTS if p != "gate"}
    expected = {name: pytest.approx(validation_mae(student, spec) / base) for name, spec in alone.items()}
    assert metrics.sensitivity == expected
    spec = load_spec(OUT / "spec.json")
    assert validation_mae(student, spec) <= slack * base
    assert metrics.bits == {name: part.bits for name, part in spec.parts.items()}
    if slack == 100:
        assert metrics.bits == {"inner": 4, "step": 4, "head": 8}, "so small a head would take more flash in 4 bits"
