"""Verifies MLflow's webhook messages: signature, age, and whether a champion was set.

Signature (MLflow >= 3.11): header ``X-MLflow-Signature: v1,`` + base64 of HMAC-SHA256, keyed with the webhook's secret,
of ``<delivery id>.<timestamp>.<raw body>``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dlnet.errors import DLNetError
from dlnet.files import parse_json
from dlnet.registry.names import CHAMPION, VERSION

MAX_BODY = 64 * 1024  # bytes; MLflow sends about 200
MAX_AGE = 300  # seconds, into the past and into the future
SIGNATURE, DELIVERY, TIMESTAMP = "x-mlflow-signature", "x-mlflow-delivery-id", "x-mlflow-timestamp"

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}", re.ASCII)


class RejectedError(DLNetError):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Delivery:
    """A message with a valid signature.

    Attributes:
        time: when MLflow sent it, seconds since 1970.
        version: that became champion of the relay's model; None if the message is about something else.
    """

    id: str
    time: int
    version: int | None


def verify(headers: Mapping[str, str], body: bytes, secret: bytes, now: float, model: str) -> Delivery:
    """Check signature and age, then read the message.

    Args:
        headers: with names in lower case. body: exactly as received. now: seconds since 1970.
        model: the registered model whose champions count.

    Raises:
        RejectedError: 401 not signed with ``secret`` or too old; 400 signed, but not a message of MLflow's form.
    """
    delivery, time = headers.get(DELIVERY, ""), headers.get(TIMESTAMP, "")
    signature = headers.get(SIGNATURE, "")
    expected = sign(delivery, time, body, secret)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise RejectedError(401, "bad or missing signature")
    if not _ID.fullmatch(delivery) or not _TIME.fullmatch(time):
        raise RejectedError(400, "delivery id or timestamp has another form")
    if abs(now - int(time)) > MAX_AGE:
        raise RejectedError(401, f"more than {MAX_AGE} s old, or from the future")
    return Delivery(delivery, int(time), _champion(body, model))


def sign(delivery: str, time: str, body: bytes, secret: bytes) -> str:
    """The signature of a message, as MLflow makes it."""
    content = f"{delivery}.{time}.".encode("utf-8", "replace") + body
    return "v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()


def _champion(body: bytes, model: str) -> int | None:
    """The version that became champion of ``model``, or None for a message about something else."""
    try:
        message = parse_json(body, "message")
        entity, action, data = message["entity"], message["action"], message["data"]
    except (DLNetError, TypeError, KeyError) as error:
        raise RejectedError(400, "not a message of MLflow's form") from error
    if (entity, action) != ("model_version_alias", "created") or not isinstance(data, dict):
        return None
    name, alias, version = (data.get(key) for key in ("name", "alias", "version"))
    for text in (name, alias):
        if not isinstance(text, str) or not _TEXT.fullmatch(text):
            raise RejectedError(400, "name or alias has another form")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise RejectedError(400, "version has another form")
    return int(version) if (name, alias) == (model, CHAMPION) else None
