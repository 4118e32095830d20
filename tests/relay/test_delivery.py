"""What reaches GitHub: every promotion, once, whatever fails in between."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection

import pytest
from running_relay import SECRET, TOKEN, free_port, message, signed, start_relay


def test_a_promotion_becomes_one_dispatch(relay, github):
    github.up()
    headers = signed(message("7"))
    assert relay.post(message("7"), headers) == 202
    assert github.wait(1) == [7]
    path, seen, content = github.seen[0]
    assert path == "/repos/team/batteries/dispatches"
    assert seen["Authorization"] == f"Bearer {TOKEN}"
    payload = {"version": "7", "delivery": headers["X-MLflow-Delivery-Id"]}
    assert content == {"event_type": "champion", "client_payload": payload}


def test_github_down_then_up_each_is_delivered_once(relay, github):
    for version in ("1", "2", "3"):
        assert relay.post(message(version), signed(message(version))) == 202
    time.sleep(1.5)  # the first attempts fail
    github.up()
    assert sorted(github.wait(3)) == [1, 2, 3]


def test_github_s_refusals_are_tried_again(relay, github):
    github.up(refusals=[503, 429, 401])
    relay.post(message("5"), signed(message("5")))
    assert github.wait(1) == [5]
    assert github.server.asked == 4


def test_the_time_that_github_asks_for_is_waited(relay, github):
    github.up(refusals=[(429, {"Retry-After": "4"})])
    relay.post(message("5"), signed(message("5")))
    assert github.wait(1) == [5]
    first, second = github.server.times
    assert second - first >= 4.0, "without it the pause is 1.25 s at most"


def test_a_redirect_of_github_is_a_refusal_and_nobody_else_is_asked(relay, github):
    with socket.create_server(("127.0.0.1", 0)) as other:
        to = {"Location": f"http://127.0.0.1:{other.getsockname()[1]}/"}
        github.up(refusals=[(307, to), (302, to)])
        relay.post(message("5"), signed(message("5")))
        assert github.wait(1) == [5]
        assert github.server.asked == 3
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.accept()


ENABLE = "/repos/team/batteries/actions/workflows/firmware.yml/enable"


def test_the_workflow_is_enabled_before_the_first_dispatch_of_a_day(relay, github):
    github.up()
    for version in ("5", "6"):
        relay.post(message(version), signed(message(version)))
        github.wait(int(version) - 4)
    assert github.versions() == [5, 6]
    assert github.server.put == [(ENABLE, f"Bearer {TOKEN}")]


def test_a_token_that_may_not_enable_workflows_still_dispatches(relay, github):
    github.up(enabling=403)
    relay.post(message("5"), signed(message("5")))
    assert github.wait(1) == [5]
    (told,) = [line for line in relay.lines() if line["event"] == "workflow not enabled"]
    assert told["reason"] == "GitHub answers 403"


def test_what_github_cannot_understand_is_given_up(relay, github):
    github.up(refusals=[422])
    relay.post(message("5"), signed(message("5")))
    deadline = time.monotonic() + 10
    while "given up" not in relay.get("/healthz")[1]["deliveries"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert relay.get("/healthz")[1]["deliveries"] == {"given up": 1}
    assert github.seen == []


def test_a_killed_relay_forgets_nothing(relay, github, tmp_path):
    first = signed(message("8"))
    assert relay.post(message("8"), first) == 202
    assert relay.post(message("9"), signed(message("9"))) == 202
    relay.kill()
    github.up()
    again = start_relay(tmp_path, github.port)
    try:
        assert sorted(github.wait(2)) == [8, 9]
        assert again.post(message("8"), first) == 409
        assert sorted(github.wait(3, seconds=0.5)) == [8, 9]
    finally:
        again.stop()


def test_the_same_champion_twice_while_github_is_down_is_one_dispatch(relay, github):
    for _ in range(3):
        assert relay.post(message("4"), signed(message("4"))) == 202
    github.up()
    assert github.wait(1) == [4]
    assert relay.get("/healthz")[1]["deliveries"] == {"sent": 1, "merged": 2}


def test_a_relay_for_another_task_sends_its_champions_and_ignores_the_battery_s(github, tmp_path):
    github.up()
    relay = start_relay(tmp_path, github.port, DLNET_MODEL_NAME="dlnet-pump-edge")
    try:
        bodies = (message("1"), message("2", name="dlnet-pump-edge"), message("3", name="dlnet-other-edge"))
        assert [relay.post(body, signed(body)) for body in bodies] == [202] * 3
        assert github.wait(1) == [2]
        assert relay.get("/healthz")[1]["deliveries"] == {"ignored": 2, "sent": 1}
        states = [line["state"] for line in relay.lines() if line["event"] == "received"]
        assert states == ["ignored", "waiting", "ignored"]
    finally:
        relay.stop()


@pytest.mark.slow
def test_200_a_second_are_taken_and_delivered_once_each(relay, github):
    github.up()
    total, rate, senders = 1000, 200, 8
    answers, late = Counter(), []
    start = time.monotonic() + 0.2

    def send(first: int) -> None:
        connection = HTTPConnection("127.0.0.1", relay.port, timeout=30)
        for i in range(first, total, senders):
            time.sleep(max(0.0, start + i / rate - time.monotonic()))
            body = message(str(i + 1))
            sent = time.monotonic()
            connection.request("POST", "/webhook", body, signed(body))
            answer = connection.getresponse()
            answer.read()
            answers[answer.status] += 1
            late.append(time.monotonic() - sent)
        connection.close()

    threads = [threading.Thread(target=send, args=(i,)) for i in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    assert answers == {202: total}
    assert sorted(github.wait(total, seconds=45)) == list(range(1, total + 1))
    assert took < 1.5 * total / rate, f"{total / took:.0f} a second"
    print(f"{total / took:.0f} a second, slowest {max(late) * 1000:.0f} ms")


def test_a_stopped_relay_takes_up_where_it_stopped(relay, github, tmp_path):
    relay.post(message("6"), signed(message("6")))
    relay.stop()
    github.up()
    again = start_relay(tmp_path, github.port)
    assert github.wait(1) == [6]
    again.stop()


def test_what_is_on_its_way_when_the_relay_is_stopped_is_not_sent_again(relay, github, tmp_path):
    github.up(delay=1.0)
    relay.post(message("3"), signed(message("3")))
    assert github.wait_asked(1)
    relay.stop()
    again = start_relay(tmp_path, github.port)
    assert again.get("/healthz")[1]["deliveries"] == {"sent": 1}
    again.stop()
    assert github.versions() == [3]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DLNET_GITHUB_TOKEN": TOKEN}, "DLNET_WEBHOOK_SECRET is not set"),
        ({"DLNET_GITHUB_TOKEN": TOKEN, "DLNET_WEBHOOK_SECRET": "short"}, "under 16 characters"),
        ({"DLNET_WEBHOOK_SECRET": SECRET}, "DLNET_GITHUB_TOKEN is not set"),
        (
            {"DLNET_WEBHOOK_SECRET": SECRET, "DLNET_GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": "http://example.org"},
            "only sent over https",
        ),
        (
            {"DLNET_GITHUB_TOKEN": TOKEN, "DLNET_WEBHOOK_SECRET": SECRET, "DLNET_MODEL_NAME": "dlnet-teacher"},
            "'dlnet-teacher': not a registered edge model",
        ),
    ],
)
def test_a_relay_that_is_not_set_up_says_so_in_one_line(tmp_path, environment, words):
    command = [sys.executable, "-m", "dlnet.cli", "relay", "--repository", "a/b", "--port", str(free_port())]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not any(secret in done.stderr for secret in environment.values() if secret in (SECRET, TOKEN))
