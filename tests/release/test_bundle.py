"""A signed bundle: what a build needs of a version, where no registry is reached."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from signed_project import commit

from dlnet.cli import main
from dlnet.errors import DLNetError, RefusedError, SignatureError, UntrustedError
from dlnet.registry.client import connect
from dlnet.registry.signature import BUNDLE
from dlnet.registry.statement import Statement
from dlnet.release import bundle as bundles
from dlnet.release.bundle import BundleHead
from dlnet.release.fetch import check_out, check_out_bundle
from dlnet.release.plan import Releases

BLOCK = 512


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def members(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as stream:
        return {info.name: stream.extractfile(info).read() for info in stream}


def forged(key, archive, **other):
    """A bundle whose archive may be anything, but which a publisher signed."""
    head = {"name": "dlnet-edge", "number": 1, "counter": 1, "size": len(archive)}
    head |= {"sha256": hashlib.sha256(archive).hexdigest(), **other}
    return bundles._member("bundle.json", key.sign(BundleHead(**head).payload, BUNDLE)) + archive


def archive(files, *more):
    """Tar as anybody writes it: files, then members of any kind."""
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as stream:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                stream.addfile(info, io.BytesIO(content))
            for info, content in more:
                stream.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


def files_of(bundle):
    return {name: content for name, content in members(bundle.read_bytes()).items() if name != "bundle.json"}


def test_a_bundle_gives_the_same_folder_and_plan_as_the_registry(signed, once, monkeypatch):
    plan = Releases("dlnet-edge").plan()
    check_out("models:/dlnet-edge/1", Path("registry"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing answers there
    words = ["--bundle", str(once / "bundle.tar"), "--out", "bundle", "--output", "lines"]
    assert main(["release", "fetch", *words]) == 0
    assert contents("bundle") == contents("registry")
    assert {"signed.json", "version.json", "spec.json"} < contents("bundle").keys()
    assert Path("lines").read_text() == plan.lines()
    assert plan.tag.endswith("-c1")


def test_the_same_claim_gives_the_same_bytes_and_another_none(signed, once, capsys):
    assert main(["release", "bundle", "--claim", "a", "--out", "again.tar"]) == 0
    assert Path("again.tar").read_bytes() == (once / "bundle.tar").read_bytes()
    assert main(["release", "bundle", "--claim", "b", "--out", "other.tar"]) == 1
    assert "is being built by a" in capsys.readouterr().err
    assert not Path("other.tar").exists()


def test_tar_itself_lists_a_bundle_without_times_and_owners(bundle):
    with tarfile.open(bundle) as stream:
        infos = stream.getmembers()
    assert [info.name for info in infos][0] == "bundle.json"
    assert {(info.mtime, info.uid, info.gid, info.uname, info.mode) for info in infos} == {(0, 0, 0, "", 0o644)}


def test_an_existing_file_is_not_replaced(bundle, capsys):
    before = bundle.read_bytes()
    assert main(["release", "bundle", "--claim", "a", "--out", str(bundle)]) == 1
    assert bundle.read_bytes() == before


@pytest.mark.parametrize("missing", ["key", "publishers"])
def test_a_bundle_is_only_made_signed_and_without_a_claim_otherwise(signed, monkeypatch, capsys, missing):
    if missing == "key":
        monkeypatch.delenv("DLNET_SIGNING_KEY")
    else:
        Path("mlflow/publishers.pem").unlink()
    assert main(["release", "bundle", "--claim", "a", "--out", "bundle.tar"]) == 1
    assert {"key": "is not set", "publishers": "no such file"}[missing] in capsys.readouterr().err
    assert not Path("bundle.tar").exists()
    assert connect().get_experiment_by_name("dlnet-releases") is None


def test_without_committed_publishers_no_bundle_is_read(bundle, capsys):
    Path("mlflow/publishers.pem").unlink()
    assert main(["release", "fetch", "--bundle", str(bundle), "--out", "out"]) == 1
    assert "mlflow/publishers.pem: no such file" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_bundle_of_an_unknown_publisher_is_refused(bundle, keys):
    commit(keys[1])
    with pytest.raises(SignatureError, match="not among the publishers"):
        check_out_bundle(bundle, Path("out"))


def test_a_bundle_with_any_changed_byte_is_refused(bundle):
    content = bundle.read_bytes()
    for at in [*range(0, 4 * BLOCK, 61), *range(4 * BLOCK, len(content), len(content) // 60), len(content) - 1]:
        bundle.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        with pytest.raises((SignatureError, UntrustedError)) as caught:
            check_out_bundle(bundle, Path("out"))
        assert "\n" not in str(caught.value)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:700], lambda b: b"", lambda b: b[512:]]
)
def test_a_cut_or_longer_bundle_is_refused(bundle, change):
    bundle.write_bytes(change(bundle.read_bytes()))
    with pytest.raises((SignatureError, UntrustedError)):
        check_out_bundle(bundle, Path("out"))


def test_nothing_behind_the_head_is_parsed_before_the_signature_is_checked(bundle, monkeypatch):
    bundle.write_bytes(bundle.read_bytes() + b"x")
    monkeypatch.setattr(bundles.tarfile, "open", lambda *_, **__: pytest.fail("parsed"))
    with pytest.raises(SignatureError, match="changed after it was signed"):
        check_out_bundle(bundle, Path("out"))


def test_a_statement_about_a_version_is_no_head_of_a_bundle(bundle, keys):
    files = files_of(bundle)
    bundle.write_bytes(bundles._member("bundle.json", files["signed.json"]) + archive(files))
    with pytest.raises(SignatureError, match="of another kind"):
        check_out_bundle(bundle, Path("out"))


def link(name, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info, b""


def named(name, content=b"{}"):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (link("metrics.json", tarfile.SYMTYPE), "not a plain file"),
        (link("metrics.json", tarfile.LNKTYPE), "not a plain file"),
        (link("artifacts", tarfile.DIRTYPE), "not a plain file"),
        (link("metrics.json", tarfile.FIFOTYPE), "not a plain file"),
        (link("metrics.json", tarfile.CHRTYPE), "not a plain file"),
        (named("../metrics.json"), "does not publish"),
        (named("/etc/metrics.json"), "does not publish"),
        (named("a/metrics.json"), "does not publish"),
        (named("model.pkl"), "does not publish"),
        (named("version.json"), "does not publish"),
        (named("bundle.json"), "does not publish"),
        (named("\x1b[2J"), "does not publish"),
        (named("spec.json"), "stands twice"),
        (named("signed.json"), "stands twice"),
    ],
)
def test_a_member_that_is_never_written_is_refused_even_if_signed(bundle, keys, more, words):
    files = files_of(bundle)
    bundle.write_bytes(forged(keys[0], archive(files, more)))
    with pytest.raises(UntrustedError, match=words) as caught:
        check_out_bundle(bundle, Path("out"))
    assert str(caught.value).isprintable()
    assert not Path("out").exists()


def sparse(files):
    """Eight exabytes in 512 bytes, in the old form of GNU tar."""
    info = tarfile.TarInfo("metrics.json")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = b"7" * 11 + b"\0"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + archive(files)


@pytest.mark.parametrize("pack", [sparse, lambda files: gzip.compress(archive(files))], ids=["sparse", "gzip"])
def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(bundle, keys, pack):
    bundle.write_bytes(forged(keys[0], pack(files_of(bundle))))
    with pytest.raises(UntrustedError):
        check_out_bundle(bundle, Path("out"))


def test_a_compressed_bundle_is_not_unpacked(bundle):
    bundle.write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(UntrustedError, match="not a bundle"):
        check_out_bundle(bundle, Path("out"))


@pytest.mark.parametrize("hidden", [b"x", bytes(512), b"PK\3\4"])
def test_nothing_can_stand_behind_the_end_of_the_archive(bundle, keys, hidden):
    files = files_of(bundle)
    bundle.write_bytes(forged(keys[0], bundles._archive(files) + hidden))
    with pytest.raises(UntrustedError, match="not as dlnet release bundle writes it"):
        check_out_bundle(bundle, Path("out"))


def test_a_large_member_is_refused(bundle, keys, monkeypatch):
    monkeypatch.setattr(bundles, "MAX_FILE", 10)
    with pytest.raises(UntrustedError, match="over 10; refused"):
        check_out_bundle(bundle, Path("out"))


def test_a_large_file_is_refused_before_it_is_read(bundle):
    with bundle.open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse: takes no room
    with pytest.raises(UntrustedError, match="over 33,554,432 bytes"):
        check_out_bundle(bundle, Path("out"))


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_one_line(project, kind, capsys):
    {"missing": lambda: None, "folder": lambda: Path("b").mkdir(), "pipe": lambda: os.mkfifo("b")}[kind]()
    assert main(["release", "fetch", "--bundle", "b", "--out", "out"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_its_publisher_did_not_state_is_refused(bundle, keys):
    files = files_of(bundle) | {"metrics.json": b"{}"}
    bundle.write_bytes(forged(keys[0], bundles._archive(files)))
    with pytest.raises(UntrustedError, match=r"metrics.json has SHA-256"):
        check_out_bundle(bundle, Path("out"))


@pytest.mark.parametrize("lack", ["spec.json", "signed.json"])
def test_a_file_that_is_missing_is_named(bundle, keys, lack):
    files = {name: content for name, content in files_of(bundle).items() if name != lack}
    bundle.write_bytes(forged(keys[0], bundles._archive(files)))
    with pytest.raises(UntrustedError, match=lack):
        check_out_bundle(bundle, Path("out"))


@pytest.mark.parametrize("name", ["dlnet-pump-edge", "dlnet-teacher", "x"])
def test_a_bundle_of_another_model_than_its_statement_is_refused(bundle, keys, name):
    bundle.write_bytes(forged(keys[0], bundles._archive(files_of(bundle)), name=name))
    with pytest.raises(DLNetError):
        check_out_bundle(bundle, Path("out"))
    assert not Path("out").exists()


def test_a_version_that_failed_its_gate_is_refused_in_a_bundle_too(bundle, keys):
    files = files_of(bundle)
    envelope = json.loads(files["signed.json"])
    content = json.loads(base64.b64decode(envelope["payload"]))
    content["gate"]["reasons"] = ["MAE is too high"]
    statement = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    Statement.parse(statement, "made here")
    files["signed.json"] = keys[0].sign(statement)
    bundle.write_bytes(forged(keys[0], bundles._archive(files)))
    with pytest.raises(RefusedError, match="the gate was not passed: MAE is too high"):
        check_out_bundle(bundle, Path("out"))


@pytest.mark.parametrize("words", [[], ["--model", "models:/dlnet-edge/1", "--bundle", "bundle.tar"]])
def test_a_model_is_fetched_from_one_place(project, words, capsys):
    assert main(["release", "fetch", *words, "--out", "out"]) == 2
    assert "either --model or --bundle" in capsys.readouterr().err
