"""A server that trickles or redirects holds no command and gets no token."""

from __future__ import annotations

import time

import pytest
from slow_servers import HEAD, Server, body, headers

from dlnet.errors import RegistryError
from dlnet.registry import client
from dlnet.release import github
from dlnet.release.github import GitHub, GitHubError


@pytest.fixture
def slow(monkeypatch):
    """Starts a server that trickles; all limits on a second."""
    servers = []
    monkeypatch.setattr(github, "SECONDS", 1.0)
    monkeypatch.setattr(client, "PROBE_SECONDS", 1.0)

    def start(talk):
        servers.append(Server(talk))
        return f"http://127.0.0.1:{servers[-1].port}"

    yield start
    for server in servers:
        server.listener.close()


ASKING = [lambda of: of.dispatch(1, "x"), lambda of: of.released("firmware-v1"), lambda of: of.tagged("firmware-v1")]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("talk", [headers, body])
def test_github_that_trickles_is_left_in_time(slow, ask, talk):
    started = time.monotonic()
    with pytest.raises(GitHubError, match=r"no answer \(not whole within 1 s\)") as caught:
        ask(GitHub("a/b", slow(talk), "made-up"))
    assert time.monotonic() - started < 3
    assert not caught.value.lasting


@pytest.mark.parametrize("ask", ASKING)
def test_github_without_end_is_left_after_its_bytes(slow, ask):
    address = slow(lambda self, line: self.flood(line, HEAD + b"\r\n", b"a" * 65536))
    with pytest.raises(GitHubError, match=r"no answer \((over 4,194,304 bytes|not whole within 1 s)\)"):
        ask(GitHub("a/b", address, "made-up"))


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_github_takes_the_token_nowhere(ask, status):
    other = Server(lambda _, line: line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"))
    to = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n".encode()
    server = Server(lambda _, line: line.sendall(to))
    with pytest.raises(GitHubError, match=f"GitHub answers {status}"):
        ask(GitHub("a/b", f"http://127.0.0.1:{server.port}", "made-up"))
    assert b"Bearer made-up" in server.asked[0]
    assert other.asked == []
    for one in (server, other):
        one.listener.close()


@pytest.mark.parametrize("talk", [headers, body])
def test_the_probe_of_mlflow_ends_in_time(slow, talk):
    started = time.monotonic()
    with pytest.raises(RegistryError, match=r"MLflow does not answer \(not whole within 1 s\)"):
        client.probe(slow(talk))
    assert time.monotonic() - started < 3


def test_an_answer_on_a_tag_that_is_nested_too_deep_is_one_line():
    deep = b"[" * 200_000
    server = Server(lambda _, line: line.sendall(HEAD + b"Content-Length: 200000\r\n\r\n" + deep))
    with pytest.raises(GitHubError, match="another form"):
        GitHub("a/b", f"http://127.0.0.1:{server.port}", "made-up").tagged("firmware-v1")
    server.listener.close()
