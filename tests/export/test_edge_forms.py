"""What the stage quantise makes of fitted forms: forms and forests alone, blends, their share and their files."""

from dataclasses import replace

import numpy as np
import pytest
from small_grid import baselines_params
from synthetic_dataset import small_net, synthetic_dataset, task

from dlnet.baselines.devices import fit_forest_device
from dlnet.baselines.saved import SavedBaseline, save_baseline
from dlnet.data.encode import fit_encoder
from dlnet.errors import ConfigError, ModelError
from dlnet.export.convert import weights_of
from dlnet.export.edge_form import SHARES, alone, best_beside, best_share, blended, fit_beside, forms_of_kind, shipped
from dlnet.export.form import ONE
from dlnet.export.golden import check_golden
from dlnet.export.reference import predict_reference
from dlnet.export.saved import save_edge
from dlnet.export.spec import load_spec, make_spec
from dlnet.firmware.prove import prove_life
from dlnet.models.document import Facts, ForecastErrors
from dlnet.models.network import initial
from dlnet.models.trained import TrainedModel
from dlnet.saved import load, load_all


@pytest.fixture(scope="module")
def params():
    """A task whose forms know an asset's youth."""
    channels = {"features": ["charge", "duration", "slope"], "relative": ["charge"], "noise": 0.1}
    return task(with_target=channels | {"quantiles": 5, "youth": [2, 8], "history": [20]}, window=14)


@pytest.fixture(scope="module")
def dataset(params):
    return synthetic_dataset(params)


@pytest.fixture(scope="module")
def fitted(dataset, params):
    return fit_beside(dataset, params, baselines_params(), "quadratic")


@pytest.fixture(scope="module")
def baselines(dataset, params, fitted, tmp_path_factory):
    """Models of a folder as the stage baselines leaves it."""
    folder = tmp_path_factory.mktemp("baselines")
    forest = fit_forest_device(dataset, params, baselines_params(), fitted.inputs.features)
    for name, model in (("linear_device", fitted.model), ("ridge", fitted.model), ("forest_device", forest)):
        save_baseline(folder / name, name, model, dataset)
    return {name: saved.model for name, saved in load_all(folder, SavedBaseline).items()}


def network(dataset, params):
    encoder = fit_encoder(dataset, params)
    config = small_net(channels=len(encoder.channels), steps=7)
    student = TrainedModel("one", encoder, config, initial(config, [2]))
    return make_spec(weights_of(student)), encoder


def ends_of(dataset, params):
    return dataset.windows("validation", params.stride_eval)


@pytest.mark.parametrize("name", ["linear", "forest"])
def test_a_form_alone_forecasts_as_its_floats_do_and_opens_as_any_model(dataset, params, baselines, name, tmp_path):
    fitted = shipped(baselines, params.knots)[name]
    edge, ends = alone(fitted, dataset, params), ends_of(dataset, params)
    floats, forecast = fitted.model.forecast(dataset, ends), edge.predict(dataset, ends)
    errors = [dataset.errors(one, ends).mae for one in (floats, forecast)]
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
    assert edge.spec.kind == name
    golden = edge.windows(dataset, ends[:3])
    form = edge.inputs, edge.codes(dataset, ends[:3])
    validation = ForecastErrors.of(forecast, dataset, ends)
    save_edge(tmp_path / name, name, Facts.of(dataset), validation, edge.encoder, edge.spec, None, golden, form)
    saved = load(tmp_path / name)
    assert set(saved.features) == set(fitted.inputs.features)
    assert saved.remembers
    assert np.array_equal(saved.predict(dataset.histories(ends, saved.features)), forecast)
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == [
        "golden.safetensors",
        "model.json",
        "spec.json",
    ]
    check_golden(tmp_path / name / "golden.safetensors", load_spec(tmp_path / name / "spec.json"))
    prove_life(saved.device)


def test_auto_takes_its_share_by_the_errors_on_validation_windows(dataset, params, fitted):
    spec, encoder = network(dataset, params)
    ends = ends_of(dataset, params)
    mae = []
    for share in SHARES:
        edge = blended(spec, encoder, fitted, dataset, params, share)
        if edge is None:
            z, anchor = encoder.encode(dataset, ends), encoder.anchor(dataset, ends)
            form = alone(fitted, dataset, params).predict(dataset, ends)
            mae.append(dataset.errors(predict_reference(spec, z, anchor) if share else form, ends).mae)
        else:
            mae.append(dataset.errors(edge.predict(dataset, ends), ends).mae)
    weight = round(best_share(mae) * ONE)
    chosen = blended(spec, encoder, fitted, dataset, params, None)
    assert (None if chosen is None else chosen.spec.weight) == (weight if 0 < weight < ONE else None)


@pytest.mark.parametrize(
    ("least_at", "steepness", "share"),
    [(0.6, 1.0, 0.6), (0.2, 1.0, 0.3), (1.0, 1.0, 0.9), (0.2, 0.1, 0.6), (0.0, 0.11, 0.4)],
)
def test_auto_stays_as_near_the_usual_share_as_two_percent_allow(least_at, steepness, share):
    assert best_share([1 + steepness * (at - least_at) ** 2 for at in SHARES]) == share


def test_a_share_of_nothing_or_all_is_no_blend(dataset, params, fitted):
    spec, encoder = network(dataset, params)
    assert blended(spec, encoder, fitted, dataset, params, 0) is None
    assert blended(spec, encoder, fitted, dataset, params, 1) is None


def test_the_form_beside_a_network_reads_no_other_feature_or_window(dataset, params, baselines):
    _, encoder = network(dataset, params)
    forms, ends = forms_of_kind(baselines, "quadratic", params.knots), ends_of(dataset, params)
    assert [one.name for one in forms] == ["linear_device", "ridge"]
    assert best_beside(forms, encoder, dataset, ends) is forms[0]
    assert best_beside(forms, replace(encoder, window=12), dataset, ends) is None
    assert best_beside(forms, replace(encoder, features=("other",)), dataset, ends) is None
    assert forms_of_kind(baselines, "linear", params.knots) == []


def test_a_forest_that_corrects_a_ridge_is_refused_by_name(params, baselines, fitted):
    forest = replace(baselines["forest_device"], start=fitted.model)
    with pytest.raises(ModelError, match="forest_device: a forest that corrects a ridge"):
        shipped({"forest_device": forest}, params.knots)


@pytest.mark.parametrize("blend", [{"weight": 1.1}, {"weight": "most"}, {"form": "cubic"}, {"share": 0.5}])
def test_settings_of_a_blend_are_checked(tmp_path, blend):
    import yaml

    from dlnet.config.base import read_yaml
    from dlnet.config.quantise import QuantiseParams

    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"engine_bound": 1.1, "bits": 8, "bits_slack": 1.0, "blend": blend}))
    with pytest.raises(ConfigError, match="blend"):
        read_yaml(path, QuantiseParams)
