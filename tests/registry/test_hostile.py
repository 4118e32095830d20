"""Untrusted versions are refused before any of their files is parsed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from made_pipeline import EDGE, make

from dlnet.errors import RegistryError, UntrustedError
from dlnet.registry import artefacts
from dlnet.registry.artefacts import MAX_FILE, MAX_FILES, ServedStore, open_store
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import Version, fetch, fetched, find
from dlnet.registry.publish import publish

CHAMPION = "models:/dlnet-edge/1"


@pytest.fixture(scope="module")
def published(tmp_path_factory, migrated):
    """A registry with a pipeline in it, once; and the project it came from."""
    root = tmp_path_factory.mktemp("published")
    shutil.copy(migrated, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        publish(collect(make(root / "made")), connect())
    return root


@pytest.fixture
def version(published, tmp_path, monkeypatch):
    """A version whose files are a copy, to be spoilt."""
    monkeypatch.chdir(published)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = find(CHAMPION, connect())
    copy = tmp_path / "copy"
    shutil.copytree(found.location.removeprefix("file://"), copy)
    return Version(found.name, found.number, found.tags, str(copy))


def refused(version, tmp_path, message):
    with pytest.raises(UntrustedError, match=message) as caught:
        fetch(version, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists(), "no file of a refused version may be written"


def test_a_version_of_the_pipeline_arrives_whole(published, version, tmp_path):
    got = fetch(version, tmp_path / "out")
    source = published / "made/models/edge" / EDGE
    assert (got.folder / "spec.json").read_bytes() == (source / "spec.json").read_bytes()
    assert {path.name for path in got.folder.iterdir()} == set(version.sha256)


@pytest.mark.parametrize("name", ["model.pkl", "weights.PT", "data.npy", "x.joblib"])
@pytest.mark.parametrize("folder", ["", "artifacts"])
def test_a_pickle_is_refused(version, tmp_path, folder, name):
    (Path(version.location) / folder / name).write_bytes(b"\x80\x04.")
    refused(version, tmp_path, "pickle")


def test_a_pickle_under_a_known_name_is_refused_even_with_the_right_hash(version, tmp_path):
    content = b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00."
    (Path(version.location) / "artifacts/spec.json").write_bytes(content)
    tags = {**version.tags, "dlnet.sha256.spec.json": hashlib.sha256(content).hexdigest()}
    refused(Version(version.name, 1, tags, version.location), tmp_path, "does not begin like a .json file")


def test_an_unknown_file_is_refused(version, tmp_path):
    (Path(version.location) / "artifacts/run.sh").write_text("echo")
    refused(version, tmp_path, "run.sh is a file that the pipeline does not publish")


def test_a_file_of_the_frame_among_the_artefacts_is_refused(version, tmp_path):
    (Path(version.location) / "artifacts/MLmodel").write_text("")
    refused(version, tmp_path, "does not publish")


def test_an_unknown_folder_is_refused(version, tmp_path):
    (Path(version.location) / "artifacts/deep").mkdir()
    refused(version, tmp_path, "unknown folder")


def test_a_link_to_a_file_is_refused(version, tmp_path):
    path = Path(version.location) / "artifacts/spec.json"
    shutil.move(path, tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    refused(version, tmp_path, "a symbolic link")


def test_a_linked_folder_is_refused(version, tmp_path):
    folder = Path(version.location) / "artifacts"
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    refused(version, tmp_path, "a symbolic link")


def test_a_link_laid_after_the_listing_is_not_followed(version, tmp_path, monkeypatch):
    path = Path(version.location) / "artifacts/spec.json"
    real = artefacts.LocalStore.entries

    def listed_then_exchanged(self):
        found = real(self)
        shutil.move(path, tmp_path / "elsewhere.json")
        path.symlink_to(tmp_path / "elsewhere.json")
        return found

    monkeypatch.setattr(artefacts.LocalStore, "entries", listed_then_exchanged)
    refused(version, tmp_path, "cannot be opened as a plain file")


def test_a_pipe_is_refused_and_does_not_hang(version, tmp_path):
    path = Path(version.location) / "artifacts/spec.json"
    path.unlink()
    os.mkfifo(path)
    refused(version, tmp_path, "not a plain file")


def test_a_file_over_the_cap_is_refused_unread(version, tmp_path):
    with (Path(version.location) / "artifacts/golden.safetensors").open("r+b") as stream:
        stream.truncate(MAX_FILE + 1)
    refused(version, tmp_path, "over 16,777,216")


def test_too_many_files_are_refused(version, tmp_path):
    for i in range(MAX_FILES):
        (Path(version.location) / f"n{i}").touch()
    refused(version, tmp_path, "more than 64 files")


def test_a_changed_file_is_refused(version, tmp_path):
    path = Path(version.location) / "artifacts/spec.json"
    path.write_text(path.read_text().replace("1", "2", 1))
    refused(version, tmp_path, "spec.json has SHA-256")


def test_a_model_that_names_its_task_twice_is_refused(version, tmp_path):
    path = Path(version.location) / "artifacts/model.json"
    content = path.read_text().replace('"name": "battery"', '"name": "pump", "name": "battery"', 1).encode()
    assert content != path.read_bytes()
    path.write_bytes(content)
    tags = {**version.tags, "dlnet.sha256.model.json": hashlib.sha256(content).hexdigest()}
    refused(Version(version.name, 1, tags, version.location), tmp_path, "names no task")


def test_a_missing_file_is_refused(version, tmp_path):
    (Path(version.location) / "artifacts/spec.json").unlink()
    refused(version, tmp_path, "spec.json is in its tags, but the file is missing")


def test_a_file_without_a_hash_is_refused(version, tmp_path):
    tags = {key: value for key, value in version.tags.items() if key != "dlnet.sha256.spec.json"}
    refused(Version(version.name, 1, tags, version.location), tmp_path, "spec.json has no SHA-256 tag")


def test_a_version_without_hashes_is_refused(version, tmp_path):
    refused(Version(version.name, 1, {}, version.location), tmp_path, "no SHA-256 tags")


@pytest.mark.parametrize(
    "uri",
    [
        "models:/dlnet-edge", "models:/dlnet-edge@", "models:/dlnet-edge/0", "models:/dlnet-edge/01",
        "models:/dlnet-edge/1/2", "models:/../etc/1", "models:/dlnet-edge@a/b", "models:/dlnet-edge@A b",
        "models:/dlnet-edge@champion\n", "models:/other@champion", "file:///etc", "models:/dlnet-edge/-1",
        "models:/dlnet-edge/٣", "models:/dlnet-battery-edge/1", "models:/dlnet-a-b-edge/1", "models:/dlnet-lock/1",
        "models:/dlnet-Pump-edge/1", "models:/dlnet-pump/1",
    ],
)  # fmt: skip
def test_a_uri_of_another_form_is_refused(uri):
    with pytest.raises(RegistryError, match="not a"), fetched(uri):
        pass


def test_a_version_made_from_a_plain_folder_is_refused(registry):
    client = connect()
    client.create_registered_model("dlnet-edge")
    client.create_model_version("dlnet-edge", source="/etc", run_id=None)
    with pytest.raises(UntrustedError, match="not a logged model"), fetched(CHAMPION):
        pass


def test_files_published_for_another_task_are_refused(both):
    client = connect()
    battery = client.get_model_version("dlnet-edge", "1")
    client.create_model_version("dlnet-pump-edge", battery.source, battery.run_id, battery.tags)
    with pytest.raises(UntrustedError, match="dlnet-pump-edge version 3: its files were published as 'dlnet-edge'"):
        find("models:/dlnet-pump-edge/3", client)


@pytest.mark.parametrize(
    ("location", "registry"),
    [
        ("file:///etc", "http://127.0.0.1:1"),  # a server that points into this machine's files
        ("/etc", "http://127.0.0.1:1"),
        ("mlflow-artifacts:/1/models", "sqlite:///mlflow.db"),
        ("mlflow-artifacts://elsewhere/1/models", "http://127.0.0.1:1"),
        ("mlflow-artifacts:/1/../../secret", "http://127.0.0.1:1"),
        ("mlflow-artifacts:/1/%2e%2e/secret", "http://127.0.0.1:1"),
        ("s3://bucket/models", "http://127.0.0.1:1"),
        ("http://elsewhere/models", "http://127.0.0.1:1"),
        ("ftp://elsewhere/models", "sqlite:///mlflow.db"),
        ("file://elsewhere/models", "sqlite:///mlflow.db"),
    ],
)  # fmt: skip
def test_a_location_elsewhere_is_refused(location, registry):
    with pytest.raises(UntrustedError, match="artefacts at this location are not read"):
        open_store(location, registry)


class Liar(BaseHTTPRequestHandler):
    """An artefact service that answers what ``server.listing`` and ``server.files`` say."""

    def do_GET(self):
        url = urlsplit(self.path)
        tail = url.path.removeprefix(artefacts.SERVICE).strip("/")
        if tail:
            content = self.server.files.get(tail)
        else:
            asked = parse_qs(url.query)["path"][0]
            listing = self.server.listing.get(asked, [])
            content = listing if isinstance(listing, bytes) else json.dumps({"files": listing}).encode()
        if content is None:
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()  # no Content-Length: the end of the answer is the end of the line
        try:
            for chunk in [content] if isinstance(content, bytes) else content:
                self.wfile.write(chunk)
                self.server.sent += len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *arguments):
        pass


@pytest.fixture
def liar(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.listing, server.files, server.sent = {}, {}, 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.uri = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", ".hidden", "a\\b", "a\0b", "x" * 200])
def test_a_server_s_escaping_path_is_refused(liar, name):
    liar.listing["1/m"] = [{"path": name, "is_dir": False, "file_size": 1}]
    with pytest.raises(UntrustedError, match="not a plain file name"):
        ServedStore(liar.uri, "1/m").entries()


def test_a_server_s_endless_folders_are_refused(liar):
    liar.listing["1/m"] = [{"path": "artifacts", "is_dir": True}]
    liar.listing["1/m/artifacts"] = [{"path": "artifacts", "is_dir": True}]
    with pytest.raises(UntrustedError, match="unknown folder"):
        ServedStore(liar.uri, "1/m").entries()


def test_a_server_that_sends_more_than_it_stated_is_cut_off(liar):
    liar.files["1/m/artifacts/spec.json"] = (b" " * 2**20 for _ in range(64))
    with pytest.raises(UntrustedError, match="over 16,777,216 bytes"):
        ServedStore(liar.uri, "1/m").read("artifacts/spec.json")
    assert liar.sent < 64 * 2**20


def test_a_listing_without_end_is_cut_off(liar):
    liar.listing["1/m"] = [{"path": "a" * 100, "is_dir": False}] * 20_000
    with pytest.raises(UntrustedError, match="over 1,048,576 bytes"):
        ServedStore(liar.uri, "1/m").entries()


@pytest.mark.parametrize(
    "listing",
    [3, [3], [{"is_dir": True}], [{"path": "a", "is_dir": False, "file_size": "x"}], b'{"files": [], "files": []}',
     b"[" * 100_000, b'{"files": [{"path": "a", "is_dir": false, "file_size": 1e999}]}'],
    ids=["number", "numbers", "no path", "size of text", "key twice", "nested", "not finite"],
)  # fmt: skip
def test_a_malformed_listing_is_reported(liar, listing):
    liar.listing["1/m"] = listing
    with pytest.raises(RegistryError, match="is not MLflow's"):
        ServedStore(liar.uri, "1/m").entries()


def test_a_redirect_is_not_followed(liar):
    with pytest.raises(RegistryError, match="answers 302"):
        ServedStore(liar.uri, "1/m").read("artifacts/spec.json")
