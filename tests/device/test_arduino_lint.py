"""The emulated platform and the library keep the rules of arduino-lint's strict level (rules PF and LD)."""

import re
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
PLATFORM = FIRMWARE / "hardware/dlnet/cortexm"
LIBRARY = FIRMWARE / "libraries/DLNet"
REQUIRED = [
    *("name", "version", *(f"compiler.warning_flags.{level}" for level in ("none", "default", "more", "all"))),
    *(f"compiler.{tool}.extra_flags" for tool in ("c", "cpp", "S", "ar", "c.elf")),
    *(f"recipe.{step}.pattern" for step in ("c.o", "cpp.o", "S.o", "ar", "c.combine", "size")),
    *("recipe.output.tmp_file", "recipe.output.save_file", "recipe.size.regex", "recipe.size.regex.data"),
]
WITH_EXTRA_FLAGS = {"c.o": "c", "cpp.o": "cpp", "S.o": "S", "ar": "ar", "c.combine": "c.elf"}


def properties(path):
    """A file of ``key=value`` lines; a key given twice is an error."""
    lines = [line.split("=", 1) for line in path.read_text().splitlines() if line.strip() and line[0] != "#"]
    assert len({key for key, _ in lines}) == len(lines)
    return dict(lines)


@pytest.mark.parametrize("key", REQUIRED)
def test_platform_txt_has_what_the_specification_and_the_strict_level_require(key):
    found = properties(PLATFORM / "platform.txt")
    assert key in found
    assert found[key] or key.endswith("extra_flags") or "warning_flags" in key


@pytest.mark.parametrize(("recipe", "tool"), WITH_EXTRA_FLAGS.items())
def test_every_recipe_takes_a_users_extra_flags(recipe, tool):
    assert f"{{compiler.{tool}.extra_flags}}" in properties(PLATFORM / "platform.txt")[f"recipe.{recipe}.pattern"]


def test_extra_flags_are_left_to_the_user():
    found = properties(PLATFORM / "platform.txt")
    assert {key: value for key, value in found.items() if key.endswith(".extra_flags") and value} == {}


def test_every_board_names_a_tool_that_can_upload_and_what_it_holds():
    boards, platform = properties(PLATFORM / "boards.txt"), properties(PLATFORM / "platform.txt")
    names = {key.split(".")[0] for key in boards}
    assert names
    for name in names:
        assert {boards[f"{name}.upload.tool"]} == {boards[f"{name}.upload.tool.default"]}
        tool = f"tools.{boards[f'{name}.upload.tool']}.upload"
        assert {f"{tool}.params.verbose", f"{tool}.params.quiet", f"{tool}.pattern"} <= set(platform)
        for size in ("maximum_size", "maximum_data_size"):
            assert re.fullmatch("[1-9][0-9]*", boards[f"{name}.upload.{size}"])


def test_the_library_has_a_licence_of_its_own_text_in_its_own_folder():
    assert (LIBRARY / "LICENSE").read_bytes() == (FIRMWARE.parent / "LICENSE").read_bytes()
    assert not (LIBRARY / "LICENSE").is_symlink(), "an archive of the folder must hold it"
