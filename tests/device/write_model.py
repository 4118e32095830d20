"""Writes a random model where ``dlnet sketch`` reads one: ``python tests/device/write_model.py FOLDER``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]  # the other tests' helpers

from board_models import device_model  # noqa: E402

from dlnet.export.spec import save_spec  # noqa: E402
from dlnet.files import write_json  # noqa: E402


def write_model(folder, model):
    """Lay ``model`` out as the pipeline lays out models/edge/NAME."""
    folder.mkdir(parents=True, exist_ok=True)
    save_spec(folder / "spec.json", model.spec)
    write_json(folder / "student.json", {"name": model.name, "encoder": model.encoder.to_json()})
    return folder


if __name__ == "__main__":
    write_model(Path(sys.argv[1]), device_model("capacity", "ltc", "random ltc"))
