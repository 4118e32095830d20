"""`dlnet set` changes one value as given, or leaves every byte of the file as it was."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dlnet.cli import main
from dlnet.cli.set_params import set_params
from dlnet.config.base import parse_yaml, read_text
from dlnet.errors import ConfigError

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"
TEXT = """# comment
data:
  path: here     # note
  empty:
  flow: {one: 1, two: [2, 3]}
  'quoted key': 3
  block: |
    line

  last: 5"""
NOBODY = 65534
AS_NOBODY = f"""
import os, sys
import dlnet.cli.set_params
from dlnet.cli import main
os.getuid() or os.setuid({NOBODY})
sys.exit(main(["set", "data.path=z"]))
"""  # Python itself may be where only root reads
KEYS = ["data.path", "data.empty", "data.flow", "data.flow.one", "data.quoted key", "data.block", "data.last"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "params.yaml"


def refused(path, content, assignment="data.path=z"):
    """The message of a refusal that leaves the file, and nothing beside it."""
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        set_params([assignment], path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def value_of(path, key):
    found = YAML(typ="safe").load(path)
    for name in key.split("."):
        found = found[name]
    return found


@pytest.mark.parametrize(
    "value",
    [
        "Q: Ah", "&Q", "*Q", "!tag", "!!str 3", "# x", "a # x", "a\nb", "a\rb", "a\u2028b", "a:", "? a", "- a", "|",
        "> a", "0,", "--- a", "...", "%YAML 1.1", "{a: 1, a: 2}", "{b: *x}", "[&x 1, *x]", "[!!int 3]", "2001-99-99",
        "9" * 5000,
        "[" * 3000, "a\x07", "\udcc4", "'a", "'a'b", "[x] y", "x], [y", "<<", "",
    ],
)  # fmt: skip
def test_what_is_no_plain_value_is_refused_before_the_file_changes(path, value):
    assert "data.path" in refused(path, PARAMS.read_bytes(), f"data.path={value}")


def test_a_refused_text_comes_with_the_command_that_sets_it(path):
    message = refused(path, PARAMS.read_bytes(), "data.csv.target=Q: Ah")
    assert message.endswith("""dlnet set 'data.csv.target="Q: Ah"'""")
    set_params(['data.csv.target="Q: Ah"'], path)
    assert value_of(path, "data.csv.target") == "Q: Ah"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(KEYS), value=st.text(max_size=12) | st.text("[]{}:,#&*!|>'\"%@ -?x1\t\n", max_size=8))
@example(key="data.empty", value="v")
@example(key="data.flow.one", value="a, b")
@example(key="data.path", value="\ufeffx")
def test_any_value_is_read_back_as_given_or_refused(path, key, value):
    path.write_bytes(TEXT.encode())
    try:
        set_params([f"{key}={value}"], path)
    except ConfigError:
        assert path.read_bytes() == TEXT.encode()
        return
    assert repr(value_of(path, key)) == repr(YAML(typ="safe").load(f"[{value.strip(' 	')}]")[0])
    assert _bytes_around_stay(path.read_bytes().decode(), value.strip(" \t"))


def _bytes_around_stay(written, value):
    """Whether the text before and after some place of ``value`` is the old text's."""
    places = (i for i in range(len(written)) if written.startswith(value, i))
    return any(TEXT.startswith(written[:i].rstrip(" ")) and TEXT.endswith(written[i + len(value) :]) for i in places)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(KEYS),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=20),
)
def test_any_text_in_quotes_is_set_and_no_other_value_changes(path, key, text):
    quoted = "'" + text.replace("'", "''") + "'"
    path.write_bytes(TEXT.encode())
    try:
        set_params([f"{key}={quoted}"], path)
    except ConfigError:
        assert not text.isprintable()
        return
    assert value_of(path, key) == text
    others = {name: value_of(path, name) for name in KEYS if name != key and not key.startswith("data.flow")}
    path.write_bytes(TEXT.encode())
    assert others == {name: value_of(path, name) for name in others}


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("data.path", "here", "z"),
        ("data.empty", "empty:", "empty: z"),
        ("data.flow", "{one: 1, two: [2, 3]}", "z"),
        ("data.flow.one", "one: 1", "one: z"),
        ("data.quoted key", "'quoted key': 3", "'quoted key': z"),
        ("data.block", "|\n    line", "z"),
        ("data.last", "5", "z"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_only_the_bytes_of_the_value_change(path, key, old, new, end, mark):
    path.write_bytes((mark + TEXT).replace("\n", end).encode())
    set_params([f"{key}=z"], path)
    assert path.read_bytes() == (mark + TEXT.replace(old, new)).replace("\n", end).encode()
    assert value_of(path, key) == "z"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{path}: expected keys with values"),
        (b"- a\n", "{path}: expected keys with values"),
        (b"# \xc4nderung\ndata:\n  path: x\n", "{path}:1: not UTF-8 text (byte 0xc4)"),
        (b"data:\n  path: T/\xb0C\n", "{path}:2: not UTF-8 text (byte 0xb0)"),
        ("data:\n  path: x\n".encode("utf-16"), "{path}:1: not UTF-8 text (byte 0xff)"),
        (b"data:\n\tpath: x\n", "{path}:2: not YAML (found character '\\t'"),
        (b"data:\n  path: x\n  path: y\n", '{path}:3: not YAML (found duplicate key "path"'),
        (b"data:\n  path: x\n---\na: 1\n", "{path}:3: not YAML"),
        (b"data:\n  path: x\nday: 2001-99-99\n", "{path}:3: not YAML (month must be in 1..12)"),
        (b"data:\n  path: x\nbell: \x07\n", "{path}:3: not YAML (the character U+0007)"),
        (b"data:\n  path: " + b"[" * 3000, "{path}: not YAML that can be read (nested too deeply)"),
        (b"data: &d\n  path: x\nmore: *d\n", "{path}:1: 'data.path' may be shared, through &d"),
        (b"a: &x 1\ndata:\n  path: *x\n", "{path}:1: 'data.path' may be shared, through &x"),
        (b"data: {path}\n", "{path}: data.path=z would be read as another value here"),
    ],
)
def test_a_file_that_cannot_be_changed_is_named_with_its_line(path, content, message):
    assert refused(path, content).startswith(message.format(path=path))


@pytest.mark.parametrize(
    "content",
    [b"# \xc4\ndata:\n  path: x\n", b"data:\n\tpath: x\n", b"data: 2001-99-99\n", b"data: \x07\n", b"", b"- a\n"],
)
def test_the_stages_say_the_same_of_such_a_file(path, content):
    message = refused(path, content)
    with pytest.raises(ConfigError) as caught:
        parse_yaml(read_text(path), path)
    assert str(caught.value) == message


def test_a_folder_in_its_place_is_named(path):
    path.mkdir()
    with pytest.raises(ConfigError, match=r"params\.yaml: cannot be read \(Is a directory\)"):
        set_params(["data.path=x"], path)


def test_a_link_stays_a_link_and_the_mode_stays(path, tmp_path):
    target = tmp_path / "real.yaml"
    target.write_text(TEXT)
    target.chmod(0o640)
    path.symlink_to(target.name)
    set_params(["data.path=z"], path)
    assert path.is_symlink()
    assert value_of(target, "data.path") == "z"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("locked", "message"),
    [("params.yaml", "is read-only for this user"), (".", "cannot be written (Permission denied)")],
)
def test_a_file_or_folder_that_is_read_only_is_one_line(tmp_path, monkeypatch, locked, message):
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    (tmp_path / locked).chmod(0o555)
    monkeypatch.chdir(tmp_path)
    if os.getuid() == 0:
        for parent in tmp_path.parents:
            if parent.name.startswith(("pytest-", "popen-")):  # pytest's folders are root's own
                parent.chmod(0o755)
        os.chown(tmp_path, NOBODY, NOBODY)
        os.chown(path, 0 if locked == path.name else NOBODY, 0)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY], env={"PYTHONPATH": str(ROOT)}, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert message in done.stderr
    assert path.read_text() == TEXT


def test_the_command_prints_one_line(tmp_path, monkeypatch, capsys):
    shutil.copy(PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["set", "data.csv.target=&Q"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
