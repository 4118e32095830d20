"""Reads a server's webhooks back: one without its key takes them, and afterwards cannot read any."""

from __future__ import annotations

import json

import requests

from dlnet.errors import RegistryError
from dlnet.registry.bounded import bound_requests, in_time
from dlnet.registry.client import PROBE_SECONDS, prepare_environment, registry_errors
from dlnet.registry.databases import shown
from dlnet.registry.server_env import WEBHOOK_KEY

PATH = "/api/2.0/mlflow/webhooks"
NOT_ASKED = {401: "this user may not read them", 403: "this user may not read them", 404: "the server has none"}


def check_webhooks(uri: str) -> str:
    """List the webhooks of a server, once; returns what was found.

    Raises:
        RegistryError: it cannot read them, or does not answer. MissingExtraError: mlflow is not installed.
    """
    prepare_environment()
    with registry_errors(uri, "check the server"):
        answer = in_time(lambda: _ask(uri), 2 * PROBE_SECONDS)
    if answer.status_code in NOT_ASKED:
        return f"not checked: {NOT_ASKED[answer.status_code]}"
    if answer.status_code >= 500:
        raise RegistryError(
            f"{shown(uri)}: cannot read its webhooks ({answer.status_code}): it runs without {WEBHOOK_KEY}, or with "
            "another one than they were registered with"
        )
    try:
        return f"{len(json.loads(answer.content).get('webhooks', []))} registered"
    except (ValueError, AttributeError, TypeError) as error:
        raise RegistryError(f"{shown(uri)}: its list of webhooks is not MLflow's") from error


def _ask(uri: str) -> requests.Response:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    bound_requests()
    creds = get_default_host_creds(uri.rstrip("/"))  # type: ignore[no-untyped-call]
    answer: requests.Response = http_request(  # type: ignore[no-untyped-call]
        creds, PATH, "GET", max_retries=0, raise_on_status=False, timeout=PROBE_SECONDS, allow_redirects=False
    )
    return answer
