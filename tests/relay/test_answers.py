"""What the relay answers: only to a genuine, fresh and new message it says yes."""

from __future__ import annotations

import json
import socket
import time
import uuid

import pytest
from running_relay import SECRET, TOKEN, message, signed

from dlnet.relay.webhook import RejectedError, verify


def test_a_genuine_message_is_taken(steady):
    assert steady.post(message("11"), signed(message("11"))) == 202


def test_mlflow_s_own_signature_is_accepted():
    from mlflow.webhooks.delivery import _generate_hmac_signature

    body, delivery, moment = message("7"), str(uuid.uuid4()), "1700000000"
    signature = _generate_hmac_signature(SECRET, delivery, moment, body.decode())
    headers = {"x-mlflow-signature": signature, "x-mlflow-delivery-id": delivery, "x-mlflow-timestamp": moment}
    assert verify(headers, body, SECRET.encode(), 1700000000.0, "dlnet-edge").version == 7


def test_a_missing_signature_is_401(steady):
    headers = signed(message())
    del headers["X-MLflow-Signature"]
    assert steady.post(message(), headers) == 401


@pytest.mark.parametrize("wrong", ["", "v1,", "v1,AAAA", "v2,AAAA", "no", "v1,\xe9"])
def test_a_bad_signature_is_401(steady, wrong):
    assert steady.post(message(), {**signed(message()), "X-MLflow-Signature": wrong}) == 401


def test_another_secret_is_401(steady):
    assert steady.post(message(), signed(message(), secret="another-secret-of-16")) == 401  # noqa: S106


@pytest.mark.parametrize("header", ["X-MLflow-Delivery-Id", "X-MLflow-Timestamp"])
def test_what_is_signed_cannot_be_exchanged(steady, header):
    other = {"X-MLflow-Delivery-Id": str(uuid.uuid4()), "X-MLflow-Timestamp": str(int(time.time()) + 1)}
    assert steady.post(message(), {**signed(message()), header: other[header]}) == 401


def test_the_body_is_compared_as_it_came(steady):
    assert steady.post(message() + b" ", signed(message())) == 401


@pytest.mark.parametrize(("age", "answer"), [(290, 202), (310, 401), (-310, 401), (-290, 202), (1e9, 401)])
def test_a_stale_message_is_401(steady, age, answer):
    assert steady.post(message("12"), signed(message("12"), age=age)) == answer


def test_a_key_that_stands_twice_is_400(steady):
    body = message("12").replace(b'"version"', b'"version": "11", "version"')
    assert body != message("12")
    assert steady.post(body, signed(body)) == 400


def test_a_replayed_message_is_409(steady):
    headers = signed(message("13"))
    assert [steady.post(message("13"), headers) for _ in range(3)] == [202, 409, 409]


def test_a_signed_delivery_id_of_another_form_is_400(steady):
    assert steady.post(message(), signed(message(), delivery="../../x")) == 400


@pytest.mark.parametrize("size", [64 * 1024 + 1, 10**6])
def test_an_oversized_body_is_413(steady, size):
    body = b" " * size
    assert steady.post(body, signed(body)) == 413


def test_an_oversized_body_in_chunks_is_413(steady):
    body = b" " * (64 * 1024 + 1)
    chunks = iter([body[i : i + 8192] for i in range(0, len(body), 8192)])
    assert steady.post(chunks, signed(body)) == 413


def test_a_body_of_64_kb_is_read(steady):
    body = message("14").ljust(64 * 1024)
    assert steady.post(body, signed(body)) == 202


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_another_content_type_is_415(steady, kind):
    assert steady.post(message(), {**signed(message()), "Content-Type": kind}) == 415


def test_a_charset_beside_the_content_type_is_fine(steady):
    headers = {**signed(message("15")), "Content-Type": "application/json; charset=utf-8"}
    assert steady.post(message("15"), headers) == 202


def test_a_slow_body_is_408(steady):
    headers = "".join(f"{key}: {value}\r\n" for key, value in signed(message()).items())
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", steady.port), timeout=15) as line:
        line.sendall(f"POST /webhook HTTP/1.1\r\nHost: relay\r\nContent-Length: 200\r\n{headers}\r\n".encode())
        line.sendall(b'{"entity":')
        answer = line.recv(100)
    assert b" 408 " in answer
    assert 4 < time.monotonic() - started < 10


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b"3", b"null", b"{}", b"[" * 30_000, b'{"entity": 1}', b"\xff\xfe",
     message(version=7), message(version="0"), message(version="1; rm"), message(version="1\n"), message(version="-1"),
     message(name="a/../b"), message(name=["dlnet-edge"]), message(alias="champion\n"), message(alias="$(id)"),
     message(version="٣"), message(version="1" * 20)],
)  # fmt: skip
def test_a_signed_message_of_another_form_is_400(steady, body):
    assert steady.post(body, signed(body)) == 400


@pytest.mark.parametrize(
    "body",
    [message(alias="candidate"), message(name="example_model"), message(name="dlnet-pump-edge"),
     message(entity="model_version"),
     message(action="deleted"), json.dumps({"entity": "prompt", "action": "created", "data": []}).encode()],
)  # fmt: skip
def test_a_message_about_something_else_is_taken_and_left(steady, body):
    before = steady.get("/healthz")[1]["deliveries"].get("ignored", 0)
    assert steady.post(body, signed(body)) == 202
    assert steady.get("/healthz")[1]["deliveries"]["ignored"] == before + 1


@pytest.mark.parametrize(("method", "path", "answer"), [("GET", "/webhook", 405), ("POST", "/", 404)])
def test_there_is_nothing_else(steady, method, path, answer):
    with socket.create_connection(("127.0.0.1", steady.port), timeout=5) as line:
        line.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        assert f" {answer} ".encode() in line.recv(100)


def test_the_log_is_json_and_holds_no_secret(steady):
    headers = signed(message("16"))
    steady.post(message("16"), headers)
    text = steady.log.read_text()
    line = next(one for one in steady.lines() if one.get("delivery") == headers["X-MLflow-Delivery-Id"])
    assert (line["event"], line["version"], line["state"]) == ("received", 16, "waiting")
    for secret in (SECRET, TOKEN, headers["X-MLflow-Signature"]):
        assert secret not in text


@pytest.mark.parametrize("field", ["x-mlflow-signature", "x-mlflow-delivery-id"])
def test_strange_characters_in_headers_do_no_harm(field):
    headers = {"x-mlflow-signature": "v1,x", "x-mlflow-delivery-id": "x", "x-mlflow-timestamp": "1"}
    with pytest.raises(RejectedError, match="signature"):
        verify({**headers, field: "\ud800"}, b"", b"secret", 0.0, "dlnet-edge")
