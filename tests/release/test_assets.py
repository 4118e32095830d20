"""What a release holds."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.model.component import ComponentType
from made_pipeline import BUDGET, EDGE, device_costs, make

from dlnet.config.quantities import load_quantities
from dlnet.device.board import Info, Words
from dlnet.errors import ModelError, RefusedError, RegistryError
from dlnet.export.documents import VersionRecord
from dlnet.export.saved import open_edge
from dlnet.firmware.documents import Milliseconds
from dlnet.models.document import Evaluated, ForecastErrors
from dlnet.outputs.marker import MARKER
from dlnet.release.assets import KINDS, Release, assemble, lineage
from dlnet.release.sbom import Part

PROJECT = Path(__file__).parents[2]

FIGURES = device_costs(instructions=5000, flash_bytes=3000, ram_bytes=1000, stack_bytes=300)
MEASURED = Evaluated(
    validation=ForecastErrors(mae=0.0011, rmse=0.002, asset_mae=0.0012, by_horizon=(0.001,)),
    test=ForecastErrors(mae=0.0013, rmse=0.0021, asset_mae=0.0014, by_horizon=(0.001,)),
)
PARTS = (Part(ComponentType.APPLICATION, "arm-none-eabi-gcc", "7.2.1", {}),)
SIZES = [("text", 120_000, 983_040), ("data", 45_000, 262_144)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return open_edge(make(tmp_path_factory.mktemp("made")) / "models/edge" / EDGE)


@pytest.fixture
def build(tmp_path):
    folder = tmp_path / "build"
    folder.mkdir()
    for kind in KINDS:
        (folder / f"dlnet_monitor.ino.{kind}").write_bytes(f"an image as {kind}".encode())
    return folder


@pytest.fixture
def release(model):
    device = replace(model.device, version="dlnet-edge/4", counter=9)
    lineage = {"dlnet.git.commit": "abc"}
    return Release(
        "firmware-v4-1a2b3c4d-c9", device, model.document, MEASURED, lineage, FIGURES, SIZES, told(device), PARTS
    )


def told(device, **other):
    """What an image with a model answers to ``info``."""
    said = {"model": device.name, "version": device.version, "counter": device.counter, "sha256": device.sha256}
    words = Words("cell", "cycle", "SoH", "1")
    return Info(**{**said, "inputs": 9, "window": 50, "horizon": 100, "state": 1, "words": words, **other})


def test_every_file_is_there_and_its_sum_is_right(build, release, tmp_path):
    assemble(build, release, BUDGET, tmp_path / "out")
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "out/SHA256SUMS").read_text().splitlines())
    files = {path.name for path in (tmp_path / "out").iterdir()} - {"SHA256SUMS", MARKER}
    assert set(sums) == files
    assert {f"dlnet-monitor-nano33ble.{kind}" for kind in KINDS} < files
    for name, expected in sums.items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == expected
    assert sums["model.json"] == release.model.sha256


CARD = """# firmware-v4-1a2b3c4d-c9

Model {name}, version dlnet-edge/4, SHA-256 of model.json `{sha256}`.
Trained on: synthetic cells (simulated). Task battery: it looks at {window} cycles of a cell and \
forecasts the state of health, SoH (capacity / nominal), of the next {horizon}.
Rows of published data are not always consecutive; a cell unlike those of the training data may age otherwise.

## Errors of SoH, int8 model

| | validation cells | test cells |
|---|---|---|
| mae | 0.00110 | 0.00130 |
| rmse | 0.00200 | 0.00210 |
| asset_mae | 0.00120 | 0.00140 |

## On the device

Counted on an emulated Cortex-M4. Milliseconds are modelled, at 64 MHz; no board has measured them.

{held}
- with cleaning, encoding and saved state: flash 5,000 B, 9,000 instructions a forecast

The whole image, Arduino core included:

- flash: 120,000 B of 983,040 B
- static RAM: 45,000 B of 262,144 B

## Where it comes from

| | |
|---|---|
| dlnet.git.commit | `abc` |
"""


def test_the_card_tells_data_errors_sizes_and_lineage(build, release, tmp_path):
    held = assemble(build, release, BUDGET, tmp_path / "out").held
    model = release.model
    assert (tmp_path / "out/MODEL-CARD.md").read_text() == CARD.format(
        name=model.name, sha256=model.sha256, held="\n".join(f"- {text}" for text in held),
        window=model.encoder.window, horizon=model.encoder.horizon,
    )  # fmt: skip
    assert held[0].startswith("flash 3,000 B of 6,144 B")


def test_a_model_that_is_not_from_the_registry_has_its_validation_errors(build, release, tmp_path):
    assemble(build, replace(release, evaluation=None), BUDGET, tmp_path / "out")
    mae = release.document.validation.mae
    assert f"| mae | {mae:.5f} |\n" in (tmp_path / "out/MODEL-CARD.md").read_text()


def test_the_guide_names_the_hash_that_the_board_must_show(build, release, tmp_path):
    assemble(build, release, BUDGET, tmp_path / "out")
    assert release.model.sha256 in (tmp_path / "out/FLASH.md").read_text()


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("flash_bytes", 7000, "flash 7,000 B over 6,144 B"),
        ("stack_bytes", 600, "RAM 1,600 B over 1,536 B"),
        ("instructions", 15_001, "instructions 15,001 over 15,000"),
        ("ms_modelled", Milliseconds(no_wait=0.2, cache_on=0.3, cache_off=1.01), "modelled time 1.01 ms over 1 ms"),
    ],
)
def test_a_model_over_its_budget_is_refused_with_the_reason(build, release, tmp_path, figure, value, words):
    over = replace(release, figures=FIGURES.model_copy(update={figure: value}))
    with pytest.raises(RefusedError, match=words):
        assemble(build, over, BUDGET, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_build_without_an_image_is_refused(build, release, tmp_path):
    (build / "dlnet_monitor.ino.bin").unlink()
    with pytest.raises(ModelError, match=r"dlnet_monitor.ino.bin: no such file; dlnet sketch"):
        assemble(build, release, BUDGET, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_of_another_task_has_another_name(build, release, tmp_path):
    pump = load_quantities("pump", PROJECT / "tasks")
    device = replace(release.model, version="dlnet-pump-edge/4", quantities=pump, counter=9)
    pumps = replace(release, model=device, told=told(device), tag="firmware-pump-v4-1a2b3c4d-c9")
    assemble(build, pumps, BUDGET, tmp_path / "out")
    images = {path.name for path in (tmp_path / "out").glob("*nano33ble*")}
    assert images == {f"dlnet-pump-monitor-nano33ble.{kind}" for kind in KINDS}
    assert "--input-file dlnet-pump-monitor-nano33ble.bin" in (tmp_path / "out/FLASH.md").read_text()


@pytest.mark.parametrize(
    "tag",
    ["firmware-v4-1a2b3c4d-c9", "firmware-pump-v5-1a2b3c4d-c9", "firmware-other-v4-1a2b3c4d-c9", "firmware-pump-v4"],
)
def test_the_tag_of_another_version_or_task_is_refused(build, release, tmp_path, tag):
    device = replace(release.model, version="dlnet-pump-edge/4", counter=9)
    with pytest.raises(RefusedError, match="is not the tag of its release"):
        assemble(build, replace(release, model=device, tag=tag), BUDGET, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_says_it_is_no_edge_model_has_no_lineage(tmp_path):
    VersionRecord(name="dlnet-teacher", number=1, tags={}).write(tmp_path / "version.json")
    with pytest.raises(RegistryError, match="not a registered edge model"):
        lineage(tmp_path)


def test_an_empty_image_is_refused(build, release, tmp_path):
    (build / "dlnet_monitor.ino.hex").write_bytes(b"")
    with pytest.raises(ModelError, match="is not the size of an image"):
        assemble(build, release, BUDGET, tmp_path / "out")


def test_lineage_cannot_break_out_of_its_table(build, release, tmp_path):
    nasty = replace(release, lineage={"dlnet.note": "` | <script> |"})
    assemble(build, nasty, BUDGET, tmp_path / "out")
    assert "| dlnet.note | `  <script> ` |" in (tmp_path / "out/MODEL-CARD.md").read_text()


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "dlnet-edge/3"), ("version", "local"), ("counter", 8), ("counter", 0), ("sha256", "0" * 64)],
)
def test_an_image_that_carries_something_else_than_its_tag_says_is_refused(build, release, tmp_path, field, value):
    other = replace(release, told=told(release.model, **{field: value}))
    with pytest.raises(RefusedError, match=f"carries .* {value}, not .*dlnet sketch --board nano33ble --counter 9"):
        assemble(build, other, BUDGET, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["local", "dlnet-edge/5"])
def test_a_release_has_the_tag_of_its_version(build, release, tmp_path, version):
    device = replace(release.model, version=version)
    with pytest.raises(RefusedError, match="is not the tag of its release"):
        assemble(build, replace(release, model=device, told=told(device)), BUDGET, tmp_path / "out")


def test_a_release_has_the_counter_of_its_tag(build, release, tmp_path):
    device = replace(release.model, counter=8)
    with pytest.raises(RefusedError, match="given counter 8, not 9"):
        assemble(build, replace(release, model=device, told=told(device)), BUDGET, tmp_path / "out")


def test_a_release_has_the_content_of_its_tag(build, release, tmp_path):
    other = replace(release, lineage={"dlnet.key": "2" * 64})
    with pytest.raises(RefusedError, match="is not the tag of its release"):
        assemble(build, other, BUDGET, tmp_path / "out")
    assemble(build, replace(release, lineage={"dlnet.key": "1a2b3c4d" + "0" * 56}), BUDGET, tmp_path / "out")


def test_the_record_of_a_release_names_tag_version_counter_and_files(build, release, tmp_path):
    assemble(build, release, BUDGET, tmp_path / "out")
    record = json.loads((tmp_path / "out/release.json").read_text())
    files = record.pop("files")
    assert record == {
        "format": "dlnet-release/1", "tag": "firmware-v4-1a2b3c4d-c9", "task": "battery", "model": release.model.name,
        "version": "dlnet-edge/4", "counter": 9, "sha256": release.model.sha256,
    }  # fmt: skip
    others = {path.name for path in (tmp_path / "out").iterdir()} - {"SHA256SUMS", "release.json", MARKER}
    assert set(files) == others
    for name, file in files.items():
        content = (tmp_path / "out" / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_header_of_a_release_has_its_counter(build, release, tmp_path):
    assemble(build, release, BUDGET, tmp_path / "out")
    assert "uint32_t counter = 9;" in (tmp_path / "out/model_data.h").read_text()
