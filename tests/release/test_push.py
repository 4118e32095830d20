"""``dlnet relay --push``: a champion becomes a draft release with its bundle, and starts the workflow."""

from __future__ import annotations

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import helper_paths
import pytest

helper_paths.use("relay")

from running_relay import SECRET, TOKEN, message, start_relay  # noqa: E402
from running_relay import signed as signed_message  # noqa: E402
from signed_project import commit  # noqa: E402

from dlnet.cli import main  # noqa: E402
from dlnet.registry.client import connect  # noqa: E402
from dlnet.registry.signature import signer  # noqa: E402
from dlnet.relay.push import Push  # noqa: E402
from dlnet.release.drafts import put_bundle  # noqa: E402
from dlnet.release.github import GitHub, GitHubError  # noqa: E402
from dlnet.release.ledger import Ledger  # noqa: E402

REPOSITORY = "team/batteries"
DELIVERY = "01234567-89ab-cdef-0123-456789abcdef"


class Answer(BaseHTTPRequestHandler):
    """GitHub's API as far as a bundle needs it; ``server.refusals`` come first, one a request."""

    def _take(self):  # noqa: PLR0911 - each is one request
        path = self.path.removeprefix(f"/repos/{REPOSITORY}/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server = self.server
        server.asked.append(f"{self.command} {path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._say(401, {})
        if server.refusals and path.startswith(server.refusals[0][0]):
            return self._say(server.refusals.pop(0)[1], {})
        if self.command == "GET" and path.startswith("releases?"):
            return self._say(200, [*server.drafts.values(), *server.published])
        if self.command == "GET" and path.startswith("releases/tags/"):
            known = [one["tag_name"] for one in server.published]
            return self._say(200 if path.rpartition("/")[2] in known else 404, {})
        if found := re.fullmatch(r"releases/([0-9]+)", path):
            return self._say(200, server.drafts[int(found[1])])
        if found := re.fullmatch(r"releases/assets/([0-9]+)", path):
            for draft in server.drafts.values():
                draft["assets"] = [one for one in draft["assets"] if one["id"] != int(found[1])]
            return self._say(204, None)
        if path == "releases":
            return self._say(201, self._draft(json.loads(body)))
        if path == "dispatches":
            server.dispatched.append(json.loads(body))
            return self._say(204, None)
        if found := re.fullmatch(r"/upload/([0-9]+)\?name=bundle\.tar", path):
            kept = body[: server.keeps]
            state = "uploaded" if len(kept) == len(body) else "starter"
            asset = {"id": 7, "name": "bundle.tar", "state": state, "size": len(kept), "content": kept}
            draft = server.drafts[int(found[1])]
            if draft["assets"]:
                return self._say(422, {})
            draft["assets"].append(asset)
            return self._say(201, {key: value for key, value in asset.items() if key != "content"})
        return self._say(404, {})

    do_GET = do_POST = do_DELETE = _take

    def _draft(self, wanted):
        number = len(self.server.drafts) + 1
        address = f"{self.server.uploads or f'http://127.0.0.1:{self.server.server_port}'}/upload/{number}"
        draft = {"id": number, "upload_url": address + "{?name,label}", "assets": [], **wanted}
        self.server.drafts[number] = draft
        return draft

    def _say(self, status, content):
        self.send_response(status)
        self.end_headers()
        if content is not None:
            self.wfile.write(json.dumps(content, default=lambda _: None).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def api(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.drafts, server.published, server.dispatched, server.asked, server.refusals = {}, [], [], [], []
    server.keeps, server.uploads = None, None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("DLNET_GITHUB_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def github(api):
    return GitHub.of_environment(REPOSITORY)


def tag(counter=1):
    return f"firmware-v1-{connect().get_model_version('dlnet-edge', '1').tags['dlnet.key'][:8]}-c{counter}"


def test_a_message_of_a_champion_hands_its_bundle_over(signed, api, once, tmp_path):
    relay = start_relay(tmp_path, api.server_port, more_words=["--push"])
    body = message("1")
    assert relay.post(body, signed_message(body)) == 202
    waited = threading.Event()
    while not api.dispatched and not waited.wait(0.05) and relay.process.poll() is None:
        assert "given up" not in relay.log.read_text(), relay.log.read_text()
    relay.stop()
    (sent,) = api.dispatched
    (draft,) = api.drafts.values()
    assert (sent["event_type"], sent["client_payload"]["tag"]) == ("bundle", tag())
    assert (draft["tag_name"], draft["draft"]) == (f"bundle-{tag()}", True)
    Path("received.tar").write_bytes(draft["assets"][0]["content"])
    assert main(["release", "fetch", "--bundle", "received.tar", "--out", "out"]) == 0
    log = relay.log.read_text()
    assert "pushed" in log
    assert SECRET not in log
    assert TOKEN not in log
    assert "PRIVATE KEY" not in log


def test_a_repeated_delivery_takes_the_draft_that_is_there(signed, api, github):
    push = Push(github, "dlnet-edge", signer())
    api.refusals = [("dispatches", 503)]
    with pytest.raises(GitHubError) as caught:
        push.dispatch(1, DELIVERY)
    assert not caught.value.lasting
    push.dispatch(1, DELIVERY)
    assert len(api.drafts) == 1
    assert sum(one.startswith("POST /upload") for one in api.asked) == 1
    assert [one["client_payload"]["tag"] for one in api.dispatched] == [tag()]


def test_another_message_about_the_same_champion_pushes_nothing(signed, api, github):
    push = Push(github, "dlnet-edge", signer())
    push.dispatch(1, DELIVERY)
    push.dispatch(1, DELIVERY.replace("0", "f"))
    assert len(api.drafts) == len(api.dispatched) == 1


def test_what_the_workflow_released_is_recorded_at_the_next_message(signed, api, github):
    push = Push(github, "dlnet-edge", signer())
    push.dispatch(1, DELIVERY)
    api.published.append({"id": 9, "tag_name": tag(), "draft": False})
    push.dispatch(1, DELIVERY.replace("0", "f"))
    (claim,) = Ledger(connect(), f"sqlite:///{signed}/mlflow.db", "dlnet-edge").claims()
    assert claim.done
    tags = connect().get_model_version("dlnet-edge", "1").tags
    assert tags["dlnet.release.url"] == f"https://github.com/{REPOSITORY}/releases/tag/{tag()}"
    assert len(api.dispatched) == 1


def test_a_version_that_no_publisher_signed_is_never_tried_again(signed, api, github, keys, monkeypatch):
    push = Push(github, "dlnet-edge", signer())
    commit(keys[1])
    with pytest.raises(GitHubError) as caught:
        push.dispatch(1, DELIVERY)
    assert caught.value.lasting
    assert api.drafts == {}


def test_a_registry_that_does_not_answer_is_tried_again(project, api, github):
    with pytest.raises(GitHubError) as caught:
        Push(github, "dlnet-edge", signer()).dispatch(1, DELIVERY)
    assert not caught.value.lasting


@pytest.mark.parametrize("lack", ["DLNET_SIGNING_KEY", "DLNET_GITHUB_TOKEN", "publishers"])
def test_the_relay_does_not_start_without_what_it_needs_to_push(project, api, monkeypatch, capsys, lack):
    monkeypatch.setenv("DLNET_WEBHOOK_SECRET", SECRET)
    Path("mlflow/publishers.pem").unlink() if lack == "publishers" else monkeypatch.delenv(lack)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        assert main(["relay", "--push", "--repository", REPOSITORY, "--port", port]) == 1
    error = capsys.readouterr().err
    assert lack in error
    assert error.count("\n") == 1


def test_an_asset_that_is_not_whole_is_replaced(api, github):
    api.keeps = 3
    with pytest.raises(GitHubError, match="did not keep all 7 bytes"):
        put_bundle(github, "firmware-v1-1a2b3c4d-c1", b"content")
    api.keeps = None
    put_bundle(github, "firmware-v1-1a2b3c4d-c1", b"content")
    (draft,) = api.drafts.values()
    assert [one["content"] for one in draft["assets"]] == [b"content"]


def test_the_token_is_sent_to_no_other_host(api, github):
    api.uploads = "http://127.0.0.2:9"
    with pytest.raises(GitHubError, match="the token is not sent there") as caught:
        put_bundle(github, "firmware-v1-1a2b3c4d-c1", b"content")
    assert caught.value.lasting


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
@pytest.mark.parametrize("path", ["releases?", "releases", "/upload"])
def test_a_refusal_is_an_error_with_its_status(api, github, status, path):
    api.refusals = [(path, status)]
    with pytest.raises(GitHubError, match=str(status)):
        put_bundle(github, "firmware-v1-1a2b3c4d-c1", b"content")
