"""A real server with PostgreSQL, users, and an S3 store; what is published there is what SQLite holds."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from made_pipeline import LIMITS, make
from registry_content import content
from running_relay import SECRET, GitHubStub, free_port, start_relay
from team import connected, needs_postgres, new_home, settings_in

from dlnet.cli import main
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetched
from dlnet.registry.publish import publish
from dlnet.registry.server_env import FILE, S3_KEY, S3_SECRET, read_env
from dlnet.release.plan import Releases

pytestmark = [pytest.mark.slow, needs_postgres]
BUCKET = "dlnet"


@pytest.fixture(scope="module")
def publication(tmp_path_factory):
    return collect(make(tmp_path_factory.mktemp("made")), LIMITS)


@pytest.fixture(scope="module")
def store():
    """An S3 store on this machine, with the bucket in it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def team(store, migrated):
    """PostgreSQL, S3, basic auth: ``(settings, address, client)``. Webhooks may go to this machine."""
    import boto3

    with new_home() as home:
        secrets = read_env(home / FILE)
        client = boto3.client(
            "s3", endpoint_url=store, region_name="us-east-1",
            aws_access_key_id=secrets[S3_KEY], aws_secret_access_key=secrets[S3_SECRET],
        )  # fmt: skip
        client.create_bucket(Bucket=BUCKET)
        settings = settings_in(
            home, store="postgres", artefacts=f"s3://{BUCKET}/runs", s3_endpoint=store, private_webhooks=True
        )
        with connected(settings) as (uri, mlflow):
            yield settings, uri, mlflow, client


@pytest.fixture(scope="module")
def both(team, publication):
    """Two that publish the same at the same time."""
    _, uri, mlflow, _ = team
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(publish, publication, connect(uri), uri) for _ in range(2)]:
            done.result()
    return mlflow


def test_published_twice_at_the_same_time_it_is_there_once_and_as_in_sqlite(
    both,
    publication,
    migrated,
    tmp_path,
    monkeypatch,
):
    held = content(both)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    publish(publication, connect(uri), uri)
    assert held == content(connect(uri))
    connect(both.tracking_uri)


def test_the_lock_is_gone_afterwards(both):
    assert not both.search_registered_models("name = 'dlnet-lock'")


def test_artefacts_are_in_the_bucket(team, both):
    held = team[3].list_objects_v2(Bucket=BUCKET, Prefix="runs/")["Contents"]
    assert any(entry["Key"].endswith("artifacts/spec.json") for entry in held)
    assert not (team[0].home / "artifacts").exists()


def test_files_are_fetched_through_the_server_and_checked(both, publication):
    with fetched("models:/dlnet-edge@candidate") as files:
        source = next(model for _, model in publication.models if model.name == "dlnet-edge").files["spec.json"]
        assert (files.folder / "spec.json").read_bytes() == source.read_bytes()


def test_without_a_password_nobody_gets_in(team):
    _, uri, _, _ = team
    for credentials in (None, ("admin", "wrong"), ("admin", "")):
        answer = requests.post(
            f"{uri}/api/2.0/mlflow/experiments/search", json={"max_results": 1}, auth=credentials, timeout=30
        )
        assert answer.status_code == 401


def test_another_host_name_is_refused(team):
    settings, uri, _, _ = team
    password = read_env(settings.home / FILE)["MLFLOW_AUTH_ADMIN_PASSWORD"]
    asked = requests.get(f"{uri}/api/2.0/mlflow/experiments/get?experiment_id=0", auth=("admin", password),
                         headers={"Host": "elsewhere.example"}, timeout=30)  # fmt: skip
    assert asked.status_code == 403


def test_another_site_s_page_may_not_write(team):
    settings, uri, _, _ = team
    password = read_env(settings.home / FILE)["MLFLOW_AUTH_ADMIN_PASSWORD"]
    asked = requests.post(f"{uri}/api/2.0/mlflow/experiments/create", json={"name": "x"}, auth=("admin", password),
                          headers={"Origin": "https://elsewhere.example"}, timeout=30)  # fmt: skip
    assert asked.status_code == 403


def test_secrets_are_in_no_argument_and_no_log(team, both):
    settings, *_ = team
    secrets = [value for name, value in read_env(settings.home / FILE).items() if not name.endswith("USERNAME")]
    texts = [path.read_text(errors="replace") for path in settings.home.glob("*.log")]
    texts += [(settings.home / "postgres/log").read_text(errors="replace")]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(process.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended
    assert texts
    assert not [1 for text in texts for secret in secrets if secret in text]


def test_only_the_owner_reads_what_holds_secrets(team):
    for name in (FILE, "auth.ini", "mlflow.log"):
        assert (team[0].home / name).stat().st_mode & 0o777 == 0o600


def test_of_six_who_claim_at_the_same_time_one_gets_it(both):
    assert main(["promote", "candidate"]) == 0
    asked, start = [Releases() for _ in range(6)], threading.Barrier(6)

    def ask(i):
        start.wait()
        return asked[i].claim(f"run-{i}").build

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [False] * 5 + [True]
    assert main(["demote"]) == 0


def test_a_promotion_reaches_github_through_mlflow_s_webhook_and_the_relay(both, tmp_path):
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

    stub = GitHubStub(free_port()).up()
    relay = start_relay(tmp_path, stub.port)
    try:
        event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
        hook = both.create_webhook("relay", f"http://127.0.0.1:{relay.port}/webhook", [event], secret=SECRET)
        try:
            tried = both.test_webhook(hook.webhook_id)
            assert (tried.success, tried.response_status) == (True, 202)
            time.sleep(1.1)  # the server keeps its list of webhooks for a second
            assert main(["promote", "candidate"]) == 0
            assert stub.wait(1) == [1]
        finally:
            both.delete_webhook(hook.webhook_id)
            assert main(["demote"]) == 0
        time.sleep(0.2)
        assert relay.get("/healthz")[1]["deliveries"] == {"sent": 1, "ignored": 1}
    finally:
        relay.stop()
        stub.down()
