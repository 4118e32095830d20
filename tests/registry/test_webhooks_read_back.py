"""A server without the key of its webhooks takes one, and cannot read it after the next start: doctor says so."""

from __future__ import annotations

import sqlite3

import pytest
from cryptography.fernet import Fernet
from plain_server import KEY, plain_server

from dlnet.cli import doctor
from dlnet.errors import RegistryError
from dlnet.registry.client import connect
from dlnet.registry.webhooks import check_webhooks

HERE = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
FERNET = Fernet.generate_key().decode()


def register(uri: str) -> None:
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

    event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
    connect(uri).create_webhook("relay", "https://127.0.0.1:1/webhook", [event], secret=Fernet.generate_key().decode())


@pytest.mark.slow
def test_webhooks_that_a_server_cannot_read_are_reported_with_the_variable(migrated, tmp_path, monkeypatch):
    """The last step is that of docs/server.md for a key that is lost."""
    with plain_server(tmp_path, migrated, **HERE) as uri:
        register(uri)
    with plain_server(tmp_path, migrated, **HERE) as uri:
        with pytest.raises(RegistryError, match=f"cannot read its webhooks .500.: it runs without {KEY}") as caught:
            check_webhooks(uri)
        assert "\n" not in str(caught.value)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        (check,) = doctor._webhooks()
        assert (check.ok, check.needed, check.fix) == (False, False, f"set {KEY} (docs/server.md)")
    with sqlite3.connect(tmp_path / "served.db") as database:
        database.execute("DELETE FROM webhook_events")
        database.execute("DELETE FROM webhooks")
    database.close()
    for _ in range(2):
        with plain_server(tmp_path, migrated, **HERE, **{KEY: FERNET}) as uri:
            if check_webhooks(uri) == "0 registered":
                register(uri)
            assert check_webhooks(uri) == "1 registered"


def test_without_a_server_doctor_asks_for_no_webhooks(registry):
    assert doctor._webhooks() == []


def test_a_server_that_does_not_answer_is_reported_once(registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert doctor._webhooks() == []
