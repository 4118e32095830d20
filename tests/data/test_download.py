"""The downloader against a real HTTP server: resume, retry, checksum."""

from __future__ import annotations

import re
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from dlnet.data.download import RetryPolicy, check_mirror, download, read_sums
from dlnet.errors import DataError, DownloadError

FILES = {"a/one.csv": b"1" * 70_000 + b"end", "b c/CY25-#1.csv": bytes(range(256)) * 300}
SUMS = {name: sha256(content).hexdigest() for name, content in FILES.items()}
SHORT = RetryPolicy(timeout_s=2, tries=3, wait_s=0.01)
ONE = "a/one.csv"
PIECES = {"trickle": (10_000, 1, 0.1), "slow": (0, 8192, 0.15)}  # bytes at once, then bytes a pause, s


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.files`` with ranges; ``server.faults`` lists the faults of the next requests."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = unquote(self.path.removeprefix("/data/"))
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.requested.append((self.path, begin))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault == "sleep":
            time.sleep(0.5)
        if isinstance(fault, int):
            return self.answer(fault, b"")
        content = self.server.files.get(name)
        if content is None:
            return self.answer(404, b"")
        if begin >= len(content):
            return self.answer(416, b"")
        if fault == "no ranges":
            return self.answer(200, content)
        if fault in PIECES:
            return self.drip(content[begin:], *PIECES[fault])
        return self.answer(206 if begin else 200, content[begin:], broken=fault == "broken")

    def answer(self, status, body, broken=False):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if broken else body)
        self.close_connection = broken

    def drip(self, body, first, size, pause):
        """``first`` bytes of the body at once, then ``size`` bytes a ``pause``."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = True
        try:
            self.wfile.write(body[:first])
            for at in range(first, len(body), size):
                time.sleep(pause)
                self.wfile.write(body[at : at + size])
        except OSError:
            pass  # the client went away, as it should

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.faults, server.requested = dict(FILES), [], []
    server.url = f"http://127.0.0.1:{server.server_port}/data"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def part_of(folder, content):
    path = folder / "a" / "one.csv.part"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_every_file_is_stored_under_its_name(server, tmp_path):
    download(server.url, SUMS, tmp_path, SHORT)
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert found == FILES
    assert server.requested[1] == ("/data/b%20c/CY25-%231.csv", 0)


def test_an_existing_file_is_not_requested_again(server, tmp_path):
    download(server.url, SUMS, tmp_path, SHORT)
    server.requested.clear()
    download(server.url, SUMS, tmp_path, SHORT)
    assert server.requested == []


def test_a_changed_file_is_fetched_again(server, tmp_path):
    download(server.url, SUMS, tmp_path, SHORT)
    (tmp_path / ONE).write_bytes(b"changed")
    download(server.url, SUMS, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_an_interrupted_download_resumes(server, tmp_path):
    part_of(tmp_path, FILES[ONE][:50_000])
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]
    assert server.requested == [("/data/a/one.csv", 50_000)]


def test_a_broken_connection_is_resumed(server, tmp_path):
    server.faults = ["broken"]
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]
    begins = [begin for _, begin in server.requested]
    assert begins[0] == 0
    assert 0 < begins[1] <= len(FILES[ONE]) // 2


def test_an_interrupted_call_leaves_a_part_and_no_file(server, tmp_path):
    server.faults = ["broken", 503, 503]
    with pytest.raises(
        DownloadError, match=r"one.csv: the server answered 503 .* \(try 3 of 3\).*the download resumes"
    ):
        download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert [path.name for path in tmp_path.rglob("*.csv*")] == ["one.csv.part"]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    part_of(tmp_path, FILES[ONE][:50_000])
    server.faults = ["no ranges"]
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_a_complete_part_is_used(server, tmp_path):
    part_of(tmp_path, FILES[ONE])
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_a_damaged_part_is_discarded(server, tmp_path):
    part_of(tmp_path, b"x" * 50_000)
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_a_file_with_another_checksum_is_deleted(server, tmp_path):
    server.files[ONE] = b"not what was pinned"
    with pytest.raises(DownloadError, match=r"one.csv: .* has SHA-256 .* the download was deleted") as caught:
        download(server.url, SUMS, tmp_path, SHORT)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.csv*"))


def test_a_missing_file_is_named_at_once(server, tmp_path):
    del server.files[ONE]
    with pytest.raises(DownloadError, match=re.escape(f"{server.url}/{ONE}: the server answered 404 Not Found")):
        download(server.url, SUMS, tmp_path, SHORT)
    assert len(server.requested) == 1


def test_a_busy_server_is_retried(server, tmp_path):
    server.faults = [503, 429]
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_a_server_that_does_not_answer_is_a_time_out(server, tmp_path):
    server.faults = ["sleep", "sleep"]
    with pytest.raises(DownloadError, match=r"one.csv: under 30,720 bytes in 0.1 s \(try 2 of 2\)"):
        download(server.url, {ONE: SUMS[ONE]}, tmp_path, RetryPolicy(timeout_s=0.1, tries=2, wait_s=0.01))


def test_a_trickle_of_bytes_is_a_time_out_and_what_came_is_kept(server, tmp_path):
    server.faults = ["trickle"] * 2
    policy = RetryPolicy(timeout_s=0.5, tries=2, wait_s=0.01)
    started = time.monotonic()
    with pytest.raises(DownloadError, match=r"under 30,720 bytes in 0.5 s \(try 2 of 2\)"):
        download(server.url, {ONE: SUMS[ONE]}, tmp_path, policy)
    assert time.monotonic() - started < 10
    assert (tmp_path / f"{ONE}.part").stat().st_size >= 8192
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, SHORT)
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_a_slow_download_goes_on_while_bytes_arrive(server, tmp_path):
    server.faults = ["slow"]
    started = time.monotonic()
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, RetryPolicy(timeout_s=0.5, tries=1, least=8192))
    assert time.monotonic() - started > 1.0, "it took several time-outs"
    assert (tmp_path / ONE).read_bytes() == FILES[ONE]


def test_an_endless_file_is_refused_at_once_and_leaves_nothing(server, tmp_path):
    policy = RetryPolicy(timeout_s=2, tries=3, wait_s=0.01, most=50_000)
    with pytest.raises(DownloadError, match="one.csv: over 50,000 bytes, .* deleted") as caught:
        download(server.url, {ONE: SUMS[ONE]}, tmp_path, policy)
    assert "\n" not in str(caught.value)
    assert len(server.requested) == 1
    assert not list(tmp_path.rglob("*.csv*"))


def test_no_connection_is_reported(tmp_path):
    with pytest.raises(DownloadError, match=r"no connection .* \(try 2 of 2\); check the network .* data.mirror"):
        download("http://127.0.0.1:9", {ONE: SUMS[ONE]}, tmp_path, RetryPolicy(timeout_s=1, tries=2, wait_s=0.01))


def test_waits_double(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("dlnet.data.download.time.sleep", waits.append)
    server.faults = [503] * 4
    download(server.url, {ONE: SUMS[ONE]}, tmp_path, RetryPolicy(timeout_s=2, tries=5, wait_s=1))
    assert waits == [1, 2, 4, 8]


def test_a_line_without_a_checksum_is_named(tmp_path):
    path = tmp_path / "x.sha256"
    path.write_text(f"{'0' * 64}  a.csv\nnonsense\n")
    with pytest.raises(DataError, match=r"x.sha256:2: not a line of sha256sum"):
        read_sums(path)


def mirror(folder):
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_whole_mirror_passes(tmp_path):
    check_mirror(mirror(tmp_path / "m"), SUMS)


def test_a_changed_file_of_a_mirror_is_named_and_kept(tmp_path):
    folder = mirror(tmp_path / "m")
    (folder / ONE).write_bytes(b"changed")
    with pytest.raises(DataError, match=r"m/a/one.csv: SHA-256 is .*, pinned is"):
        check_mirror(folder, SUMS)
    assert (folder / ONE).read_bytes() == b"changed"


def test_a_missing_file_of_a_mirror_is_named(tmp_path):
    folder = mirror(tmp_path / "m")
    (folder / ONE).unlink()
    with pytest.raises(DataError, match=r"m/a/one.csv: no such file"):
        check_mirror(folder, SUMS)


def test_a_missing_mirror_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such folder; set data.mirror"):
        check_mirror(tmp_path / "nowhere", SUMS)
