"""Versions are signed when they are published, and only signed ones are read where publishers are committed."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from made_pipeline import make

from dlnet.errors import RefusedError, SignatureError, UntrustedError
from dlnet.registry import signature
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetch, find
from dlnet.registry.publish import publish
from dlnet.registry.signature import check_publisher, new_key, public_pem, publishers, signer
from dlnet.release.fetch import check_out
from dlnet.release.plan import Releases

URI = "models:/dlnet-edge/1"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return new_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture
def signed(registry, key):
    """A registry with one signed version, in a project that has its publisher committed."""
    made = make(registry / "made")
    commit(key)
    publish(collect(made), connect(), signer=key)
    return registry


def commit(*keys) -> None:
    Path("mlflow").mkdir(exist_ok=True)
    Path("mlflow/publishers.pem").write_text("".join(f"A publisher\n{public_pem(one)}" for one in keys))


def envelope_path() -> Path:
    return Path(find(URI, connect()).location.removeprefix("file://")) / "signed.json"


def read(tmp_path) -> None:
    fetch(find(URI, connect()), tmp_path / "out")


def test_a_signed_version_is_read_and_keeps_its_signature(signed, key, tmp_path):
    version = check_out(URI, tmp_path / "out")
    record = json.loads((tmp_path / "out/version.json").read_text())
    assert record["tags"]["dlnet.gate"] == "passed"
    assert json.loads((tmp_path / "out/signed.json").read_text())["signatures"][0]["keyid"] == key.key_id
    assert version.tags["dlnet.signed"] == key.key_id


def test_openssl_accepts_the_signature_and_refuses_it_for_one_changed_bit(signed, key, tmp_path):
    envelope = json.loads(envelope_path().read_bytes())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "pub.pem").write_text(public_pem(key))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "pub.pem",
        "-rawin",
        "-in",
        "text",
        "-sigfile",
        "sig",
    ]
    for content, code in ((payload, 0), (payload[:-1] + b"|", 1)):
        text = f"DSSEv1 {len(kind)} {kind} {len(content)} ".encode() + content
        (tmp_path / "text").write_bytes(text)
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == code


def test_the_same_publication_signed_again_has_the_same_bytes(signed, key):
    before = envelope_path().read_bytes()
    envelope_path().unlink()
    publish(collect(signed / "made"), connect(), signer=key)
    assert envelope_path().read_bytes() == before


def test_an_unsigned_version_is_read_until_a_publisher_is_committed(versions, key, tmp_path):
    read(tmp_path)
    commit(key)
    with pytest.raises(SignatureError, match="version 1: is not signed; mlflow/publishers.pem is committed"):
        read(tmp_path)


def test_plan_refuses_an_unsigned_champion(versions, key):
    commit(key)
    connect().set_registered_model_alias("dlnet-edge", "champion", "1")
    with pytest.raises(RefusedError, match="is not signed"):
        Releases("dlnet-edge").plan()


def test_a_version_signed_with_another_key_is_refused(signed, tmp_path):
    commit(new_key(tmp_path / "other.pem"))
    with pytest.raises(SignatureError, match="not among the publishers in mlflow/publishers.pem"):
        read(tmp_path)


def test_while_keys_are_exchanged_both_are_accepted(signed, key, tmp_path):
    commit(new_key(tmp_path / "next.pem"), key)
    read(tmp_path)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("dlnet.gate.reasons", "int8 MAE 0.00001 beats all"),
        ("dlnet.gate", "failed"),
        ("dlnet.budget", "failed"),
        ("dlnet.git.commit", "0" * 40),
        ("dlnet.key", "0" * 64),
        ("dlnet.label", "MIT (measured)"),
    ],
)
def test_a_tag_that_differs_from_what_was_signed_is_refused(signed, tmp_path, tag, value):
    connect().set_model_version_tag("dlnet-edge", "1", tag, value)
    with pytest.raises(SignatureError, match=f"tag {tag} is"):
        read(tmp_path)


def test_a_file_exchanged_together_with_its_tag_is_refused(signed, tmp_path):
    path = envelope_path().parent / "artifacts/metrics.json"
    path.write_text(path.read_text().replace("0.0012", "0.0001"))
    from dlnet.files import sha256

    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.sha256.metrics.json", sha256(path))
    with pytest.raises(SignatureError, match=r"tag dlnet.sha256.metrics.json"):
        read(tmp_path)


def test_a_signed_document_of_another_model_is_refused(signed, key, tmp_path):
    student = find("models:/dlnet-student/1", connect())
    envelope_path().write_bytes((Path(student.location.removeprefix("file://")) / "signed.json").read_bytes())
    with pytest.raises(SignatureError, match="what is signed is 'dlnet-student'"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff" * 100, b"[" * 100_000, b"0" * (300 << 10)])
def test_a_damaged_envelope_is_one_line(signed, tmp_path, content):
    envelope_path().write_bytes(content)
    with pytest.raises(UntrustedError, match=r"^dlnet-edge version 1: (not a signed document|over)") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_publish_heals_a_damaged_signature_and_changed_tags(signed, key, tmp_path):
    before = envelope_path().read_bytes()
    envelope_path().write_bytes(before[: len(before) // 2])
    connect().set_model_version_tag("dlnet-edge", "1", "dlnet.label", "MIT (measured)")
    publish(collect(signed / "made"), connect(), signer=key)
    assert envelope_path().read_bytes() == before
    read(tmp_path)


def test_nothing_is_published_with_a_key_that_nobody_would_accept(registry, key, tmp_path):
    commit(key)
    for one, problem in ((None, "is not set"), (new_key(tmp_path / "other.pem"), "is not in mlflow/publishers.pem")):
        with pytest.raises(SignatureError, match=problem):
            check_publisher(one, publishers())
    with pytest.raises(SignatureError, match="is not set"):
        publish(collect(make(registry / "made")), connect())
    assert not connect().search_registered_models()


def test_a_key_file_has_mode_600_and_is_never_overwritten(tmp_path):
    path = tmp_path / "key.pem"
    new_key(path)
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SignatureError, match="exists; a key is never overwritten"):
        new_key(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("encoded", [False, True])
def test_the_key_comes_from_the_environment_as_text_or_base64(tmp_path, monkeypatch, encoded):
    made, text = new_key(tmp_path / "key.pem"), (tmp_path / "key.pem").read_bytes()
    monkeypatch.setenv(signature.KEY_VARIABLE, base64.b64encode(text).decode() if encoded else text.decode())
    assert signer().key_id == made.key_id
    assert "PRIVATE" not in repr(signer())


@pytest.mark.parametrize("text", ["secret", "é", "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"])
def test_a_bad_key_is_one_line_that_does_not_show_it(monkeypatch, text):
    monkeypatch.setenv(signature.KEY_VARIABLE, text)
    with pytest.raises(SignatureError, match="^DLNET_SIGNING_KEY: not an unencrypted private key") as caught:
        signer()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_keys_of_another_kind_are_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem"]
    subprocess.run(made, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", "ec.pem", "-pubout", "-out", "pub.pem"], check=True)
    monkeypatch.setenv(signature.KEY_VARIABLE, Path("ec.pem").read_text())
    with pytest.raises(SignatureError, match="DLNET_SIGNING_KEY: not an Ed25519 key"):
        signer()
    with pytest.raises(SignatureError, match="key 1 is not an Ed25519 key"):
        publishers(Path("pub.pem"))
    for text in ("", "nothing", "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", Path("ec.pem").read_text()):
        Path("pub.pem").write_text(text)
        with pytest.raises(SignatureError, match=r"^pub\.pem: "):
            publishers(Path("pub.pem"))


def test_a_forged_document_under_a_known_key_is_refused(signed, tmp_path):
    envelope = json.loads(envelope_path().read_bytes())
    payload = base64.b64decode(envelope["payload"])
    envelope["payload"] = base64.b64encode(payload.replace(b"not yet proven", b"now yet proven")).decode()
    envelope_path().write_text(json.dumps(envelope))
    with pytest.raises(SignatureError, match="the signature is not of this document"):
        read(tmp_path)


def test_a_signed_document_that_is_not_canonical_is_refused(signed, key, tmp_path):
    payload = base64.b64decode(json.loads(envelope_path().read_bytes())["payload"])
    envelope_path().write_bytes(key.sign(payload.replace(b'"task":', b'"task":"pump","task":')))
    with pytest.raises(SignatureError, match="not canonical JSON"):
        read(tmp_path)
