"""Writes a random model where ``dlnet sketch`` reads one: ``python tests/device/write_model.py FOLDER``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]  # the other tests' helpers

from board_models import device_model  # noqa: E402
from saved_models import save_device_model  # noqa: E402

if __name__ == "__main__":
    save_device_model(Path(sys.argv[1]), device_model("with_target", "ltc", "random ltc"))
