"""The team's server, its artefacts in an S3 store of one's own; what is published there is what SQLite holds."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from made_pipeline import make
from registry_content import content
from running_relay import SECRET, GitHubStub, free_port, start_relay
from team import PASSWORD, RELAY_HERE, bridge, docker, missing, running_team

from dlnet.cli import main
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetched
from dlnet.registry.publish import publish
from dlnet.release.plan import Releases

pytestmark = pytest.mark.slow
BUCKET = "dlnet"
S3 = {"AWS_ACCESS_KEY_ID": "a-key-of-the-store", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-store"}
S3 |= {"AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def publication(tmp_path_factory):
    return collect(make(tmp_path_factory.mktemp("made")))


@pytest.fixture(scope="module")
def store():
    """An S3 store on this machine, with the bucket in it: ``(port, client)``."""
    import boto3
    from moto.server import ThreadedMotoServer

    if reason := missing():
        pytest.skip(reason)
    server = ThreadedMotoServer(ip_address=bridge(), port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name=S3["AWS_DEFAULT_REGION"],
        aws_access_key_id=S3["AWS_ACCESS_KEY_ID"], aws_secret_access_key=S3["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    client.create_bucket(Bucket=BUCKET)
    yield port, client
    server.stop()


@pytest.fixture(scope="module")
def team(store, migrated):
    endpoint = f"http://host.docker.internal:{store[0]}"
    with running_team(ARTEFACTS=f"s3://{BUCKET}/runs", MLFLOW_S3_ENDPOINT_URL=endpoint, **S3, **RELAY_HERE) as running:
        yield running


@pytest.fixture(scope="module")
def both(team, publication):
    """Two that publish the same at the same time."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(publish, publication, connect(team.uri), team.uri) for _ in range(2)]:
            done.result()
    return connect(team.uri)


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


def test_artefacts_are_in_the_bucket_alone(team, store, both):
    held = store[1].list_objects_v2(Bucket=BUCKET, Prefix="runs/")["Contents"]
    assert any(entry["Key"].endswith("artifacts/spec.json") for entry in held)
    assert team.compose("exec", "-T", "mlflow", "ls", "-A", "/artefacts") == ""


def test_files_are_fetched_through_the_server_and_checked(both, publication):
    with fetched("models:/dlnet-edge@candidate") as files:
        source = next(model for _, model in publication.models if model.name == "dlnet-edge").files["spec.json"]
        assert (files.folder / "spec.json").read_bytes() == source.read_bytes()


def test_without_a_password_nobody_gets_in(team):
    for credentials in (None, ("admin", "wrong"), ("admin", "")):
        answer = requests.post(
            f"{team.uri}/api/2.0/mlflow/experiments/search", json={"max_results": 1}, auth=credentials, timeout=30
        )
        assert answer.status_code == 401


def test_another_host_name_is_refused(team):
    asked = requests.get(
        f"{team.uri}/api/2.0/mlflow/experiments/get?experiment_id=0", auth=("admin", team.secrets[PASSWORD]),
        headers={"Host": "elsewhere.example"}, timeout=30,
    )  # fmt: skip
    assert asked.status_code == 403


def test_another_site_s_page_may_not_write(team):
    asked = requests.post(
        f"{team.uri}/api/2.0/mlflow/experiments/create", json={"name": "x"}, auth=("admin", team.secrets[PASSWORD]),
        headers={"Origin": "https://elsewhere.example"}, timeout=30,
    )  # fmt: skip
    assert asked.status_code == 403


def test_secrets_are_in_no_argument_no_log_and_no_output(team, both):
    secrets = [value for name, value in team.secrets.items() if not name.endswith("USERNAME")]
    secrets.append(S3["AWS_SECRET_ACCESS_KEY"])
    texts = [team.compose("logs", "--no-color"), *team.printed]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(process.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended
    assert [text for text in texts if "postgres\x00-D\x00" in text], "the containers' processes are among them"
    assert "ready to accept connections" in texts[0]
    assert not [1 for text in texts for secret in secrets if secret in text]


def test_the_database_is_on_no_network_with_a_way_out(team):
    networks = docker("inspect", f"{team.project}-postgres-1", "--format", "{{json .NetworkSettings.Networks}}")
    assert list(json.loads(networks)) == [f"{team.project}_inside"]
    assert docker("network", "inspect", f"{team.project}_inside", "--format", "{{.Internal}}") == "true"


def test_mlflow_is_an_ordinary_user_that_can_write_its_artefacts_alone(team):
    script = "id -u; for place in / /opt/packages /etc /artefacts; do [ ! -w $place ] || echo $place; done"
    assert team.compose("exec", "-T", "mlflow", "sh", "-c", script).split() == ["10001", "/artefacts"]


def test_of_six_who_claim_at_the_same_time_one_gets_it(both):
    assert main(["promote", "candidate"]) == 0
    asked, start = [Releases("dlnet-edge") for _ in range(6)], threading.Barrier(6)

    def ask(i):
        start.wait()
        return asked[i].claim(f"run-{i}").build

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [False] * 5 + [True]
    assert main(["demote"]) == 0


def test_a_promotion_reaches_github_through_mlflow_s_webhook_and_the_relay(both, tmp_path):
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

    stub = GitHubStub(free_port()).up()
    relay = start_relay(tmp_path, stub.port, host=bridge())
    try:
        event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
        hook = both.create_webhook("relay", f"http://host.docker.internal:{relay.port}/webhook", [event], secret=SECRET)
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
