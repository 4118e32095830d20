"""Stands for ``arduino-cli compile``: builds with arduino-builder for the emulated board, says sizes alike."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

from dlnet.device.sketch import build

FLASH, RAM = 983_040, 262_144


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["compile"])
    board = parser.add_mutually_exclusive_group(required=True)
    board.add_argument("--profile")
    board.add_argument("--fqbn")
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--json", action="store_true", required=True)
    parser.add_argument("--warnings")
    parser.add_argument("--build-property", action="append")
    parser.add_argument("sketch", type=Path)
    arguments = parser.parse_args()
    if arguments.profile and not (arguments.sketch / "sketch.yaml").is_file():
        print(json.dumps({"success": False, "error": "no profile in this sketch"}))
        return 1
    with tempfile.TemporaryDirectory() as folder:
        elf = build(arguments.sketch, Path(folder))
        arguments.output_dir.mkdir(parents=True, exist_ok=True)
        for kind in ("elf", "bin", "hex", "map"):
            shutil.copy(elf.with_suffix(f".{kind}"), arguments.output_dir)
        with elf.open("rb") as stream:
            sizes = {section.name: section["sh_size"] for section in ELFFile(stream).iter_sections()}
    text = sizes[".text"] + sizes[".rodata"] + sizes[".data"]
    listed = [("text", text, FLASH), ("data", sizes[".data"] + sizes[".bss"], RAM)]
    listed = [{"name": name, "size": size, "max_size": most} for name, size, most in listed]
    print(json.dumps({"success": True, "builder_result": {"executable_sections_size": listed}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
