"""A git tag of the release's name that exists already: only one of the commit that is built is taken."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dlnet.cli import main
from dlnet.registry.client import connect

HERE, OTHER = "a" * 40, "b" * 40
ANNOTATED, TWICE, TREE = "c" * 40, "d" * 40, "e" * 40
REPOSITORY = "somebody/dlnet"


class Answer(BaseHTTPRequestHandler):
    """GitHub's API as far as it is asked: ``git/ref/tags/TAG``, ``git/tags/SHA``, ``releases``."""

    def do_GET(self):
        path = self.path.removeprefix(f"/repos/{REPOSITORY}/")
        found = self.server.known.get(path)
        if path.startswith("releases?"):
            content = self.server.released[100 * (int(path.rpartition("=")[2]) - 1) :][:100]
        else:
            content = {"object": found} if found else {"message": "Not Found"}
        self.send_response(200 if found or path.startswith("releases?") else 404)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def released():
    """The releases on GitHub."""
    return []


@pytest.fixture
def github(monkeypatch, released):
    """What GitHub knows: path -> object."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.known, server.released = {}, released
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("GITHUB_TOKEN", "made-up")
    monkeypatch.setenv("GITHUB_SHA", HERE)
    yield server.known
    server.shutdown()
    server.server_close()


@pytest.fixture
def tag(versions):
    connect().set_registered_model_alias("dlnet-edge", "champion", "1")
    return f"firmware-v1-{connect().get_model_version('dlnet-edge', '1').tags['dlnet.key'][:8]}-c1"


def steps(tag):
    plan = ["release", "plan", "--github", REPOSITORY]
    claim = ["release", "claim", "--claim", "run-1", "--github", REPOSITORY]
    return plan, claim, ["release", "check-tag", tag, "--github", REPOSITORY]


def test_without_such_a_tag_the_release_goes_on(github, tag):
    assert [main(step) for step in steps(tag)] == [0, 0, 0]


def test_a_tag_of_this_commit_is_taken(github, tag):
    github[f"git/ref/tags/{tag}"] = {"type": "commit", "sha": HERE}
    assert [main(step) for step in steps(tag)] == [0, 0, 0]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_tag_of_another_commit_is_refused_by_every_step(github, tag, capsys, which):
    github[f"git/ref/tags/{tag}"] = {"type": "commit", "sha": OTHER}
    assert main(steps(tag)[which]) == 1
    error = capsys.readouterr().err
    assert f"git tag {tag} exists and is of commit {OTHER[:12]}" in error
    assert f"git push --delete origin {tag}" in error
    assert error.count("\n") == 1


def test_a_refused_tag_leaves_no_claim(github, tag):
    github[f"git/ref/tags/{tag}"] = {"type": "commit", "sha": OTHER}
    assert main(steps(tag)[1]) == 1
    run = connect().get_run(connect().get_model_version("dlnet-edge", "1").run_id)
    assert [key for key in run.data.params if key.startswith("release.")] == []


@pytest.mark.parametrize(("commit", "code"), [(HERE, 0), (OTHER, 1)])
def test_an_annotated_tag_is_followed_to_its_commit(github, tag, commit, code):
    github[f"git/ref/tags/{tag}"] = {"type": "tag", "sha": TWICE}
    github[f"git/tags/{TWICE}"] = {"type": "tag", "sha": ANNOTATED}
    github[f"git/tags/{ANNOTATED}"] = {"type": "commit", "sha": commit}
    assert [main(step) for step in steps(tag)] == [code] * 3


@pytest.mark.parametrize("found", [{"type": "tree", "sha": TREE}, {"type": "commit", "sha": "main"}, {"sha": HERE}])
def test_what_is_no_commit_is_refused_in_one_line(github, tag, capsys, found):
    github[f"git/ref/tags/{tag}"] = found
    assert main(steps(tag)[2]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_tag_that_points_to_itself_ends(github, tag, capsys):
    github[f"git/ref/tags/{tag}"] = {"type": "tag", "sha": TWICE}
    github[f"git/tags/{TWICE}"] = {"type": "tag", "sha": TWICE}
    assert main(steps(tag)[2]) == 1
    assert "does not lead to a commit" in capsys.readouterr().err


def test_without_a_commit_there_is_no_release(github, tag, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_SHA", "main")
    assert main(steps(tag)[0]) == 1
    assert "a release is of one commit" in capsys.readouterr().err


def test_only_a_release_tag_is_asked_for(github, capsys):
    assert main(["release", "check-tag", "../../x", "--github", REPOSITORY]) == 1
    assert "not a release's tag" in capsys.readouterr().err


def published(tag, draft=False):
    return {"id": 1, "tag_name": tag, "draft": draft}


@pytest.mark.parametrize("newest", ["firmware-v9-1a2b3c4d-c1", "firmware-v9-1a2b3c4d-c12"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_counter_that_is_not_above_the_newest_release_is_refused_by_every_step(
    github, released, tag, capsys, which, newest
):
    released += [published("firmware-v8-1a2b3c4d"), *[published("v0.1")] * 150, published(newest)]
    assert main(steps(tag)[which]) == 1
    error = capsys.readouterr().err
    assert f"{newest} is released, so {tag} needs a counter above {newest.rpartition('-c')[2]}" in error
    assert error.count("\n") == 1


def test_counters_of_another_task_and_of_drafts_do_not_count(github, released, tag):
    released += [published("firmware-pump-v1-1a2b3c4d-c7"), published("firmware-v1-1a2b3c4d-c8", draft=True)]
    assert [main(step) for step in steps(tag)] == [0, 0, 0]


def test_a_higher_counter_is_released(github, released, tag):
    released.append(published("firmware-v9-1a2b3c4d-c1"))
    assert main(steps(tag.removesuffix("1") + "2")[2]) == 0


@pytest.mark.parametrize("listed", [{"message": "no"}, [{"tag_name": "x"}], [3]])
def test_a_list_of_releases_of_another_form_is_one_line(github, released, tag, capsys, listed, monkeypatch):
    monkeypatch.setattr("dlnet.release.github.Answer.json", lambda answer: listed)
    assert main(steps(tag)[2]) == 1
    error = capsys.readouterr().err
    assert "has another form" in error
    assert error.count("\n") == 1
