import json

import numpy as np
import pytest
import torch
from synthetic_dataset import synthetic_encoder

from dlnet.errors import DLNetError, ModelError
from dlnet.files import read_tensors, write_tensors
from dlnet.models.architectures import predict
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel, load_network


def random_student(track="with_target", seeds=(1, 2)):
    dataset, encoder = synthetic_encoder(track)
    config = net_config(encoder, "ltc", 4, "euler", 1)
    source = torch.Generator().manual_seed(0)
    parameters = {k: v + 0.2 * torch.randn(v.shape, generator=source) for k, v in initial(config, list(seeds)).items()}
    return dataset, TrainedModel(
        "some", encoder, config, parameters, {"mae_validation": 0.5}, {"loss": "labels", "seed": 1}
    )


@pytest.fixture
def stored(tmp_path):
    dataset, student = random_student()
    student.save(tmp_path / "some", dataset)
    return tmp_path / "some"


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_forecast_is_anchor_plus_mean_change_of_the_members(track):
    dataset, student = random_student(track)
    ends = dataset.windows("validation", 4)
    z = torch.from_numpy(student.encoder.encode(dataset, ends))
    members = [
        predict({name: value[m : m + 1] for name, value in student.parameters.items()}, z, student.config)[0].numpy()
        for m in range(2)
    ]
    anchor = dataset.health[ends - 1] if track == "with_target" else np.full(len(ends), student.encoder.level_mean)
    truth = anchor[:, None] + student.encoder.delta_scale * (members[0] + members[1]) / 2
    np.testing.assert_allclose(student.forecast(dataset, ends), truth, atol=1e-6)


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_round_trip_changes_nothing(tmp_path, track):
    dataset, student = random_student(track)
    student.save(tmp_path, dataset)
    again, ends = load_network(tmp_path), dataset.windows("validation", 5)
    assert (again.config, again.encoder, again.metrics, again.lineage) == (
        student.config,
        student.encoder,
        student.metrics,
        student.lineage,
    )
    np.testing.assert_array_equal(again.forecast(dataset, ends), student.forecast(dataset, ends))


def test_saving_twice_gives_the_same_bytes(tmp_path, stored):
    dataset, student = random_student()
    student.save(tmp_path / "again", dataset)
    assert len(list(stored.iterdir())) == 2
    for path in stored.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_parameters_of_all_members_are_counted(stored):
    arrays = read_tensors(stored / "model.safetensors")
    assert json.loads((stored / "model.json").read_text())["parameters"] == sum(array.size for array in arrays.values())


def edit_weights(stored, change):
    path = stored / "model.safetensors"
    arrays = {name: array.copy() for name, array in read_tensors(path).items()}
    change(arrays)
    write_tensors(path, arrays)


DAMAGE = {
    "a weight is missing": lambda arrays: arrays.pop("wh"),
    "a weight has another shape": lambda arrays: arrays.update(wx=arrays["wx"][:, :-1]),
    "a weight is NaN": lambda arrays: arrays["wo"].__setitem__((0, 0, 0), np.nan),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_weights_that_do_not_fit_are_rejected(stored, what):
    edit_weights(stored, DAMAGE[what])
    with pytest.raises(ModelError, match=r"model\.safetensors: w. .*; run dvc repro"):
        load_network(stored)


@pytest.mark.parametrize("kept", [0, 4, 100, -5])
def test_truncated_weights_are_rejected(stored, kept):
    path = stored / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DLNetError, match=r"model\.safetensors"):
        load_network(stored)


@pytest.mark.parametrize("field", ["config", "encoder", "lineage", "clean", "data", "validation"])
def test_missing_field_is_rejected(stored, field):
    path = stored / "model.json"
    content = json.loads(path.read_text())
    del content[field]
    path.write_text(json.dumps(content))
    with pytest.raises(DLNetError, match=f"some/model.json: {field}: Field required"):
        load_network(stored)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none: no model in it"):
        load_network(tmp_path / "none")
