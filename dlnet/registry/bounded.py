"""Bounds what a registry's server can do to this process: an answer is whole within a deadline, and not too large.

A timeout of ``requests`` starts anew with each byte that arrives, and it reads any number of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter

SECONDS = 120.0  # of one request with all its retries; an upload of 16 MB takes 1.1 Mbit/s
MOST = 64 * 2**20  # bytes of an answer; the largest are lists of runs, a few MB
CHUNK = 2**16
Result = TypeVar("Result")


def in_time(action: Callable[[], Result], seconds: float) -> Result:
    """The result of ``action``; a thread that comes too late is left behind, and ends with this process.

    Raises:
        TimeoutError: it is not done after ``seconds``. Whatever ``action`` raises.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(max(seconds, 0.0))
    except TimeoutError as error:
        raise TimeoutError(f"no whole answer within {seconds:.0f} s") from error


class Bounded(HTTPAdapter):
    """Sends a request and receives its whole answer; of a streamed one the header only."""

    def send(self, request: requests.PreparedRequest, stream: bool = False, **options: Any) -> requests.Response:  # type: ignore[override]
        """See ``HTTPAdapter``.

        Raises:
            TimeoutError: after ``SECONDS``. requests.RequestException: the answer is over ``MOST`` bytes.
        """
        send = super().send

        def whole() -> requests.Response:
            answer = send(request, stream=True, **options)
            return answer if stream else _received(answer)

        return in_time(whole, SECONDS)


def _received(answer: requests.Response) -> requests.Response:
    content = bytearray()
    for chunk in answer.iter_content(CHUNK):
        content += chunk
        if len(content) > MOST:
            answer.close()
            raise requests.RequestException(f"the answer has over {MOST:,} bytes")
    answer._content = bytes(content)
    return answer


def bound_requests() -> None:
    """Bound all requests that MLflow's client makes in this process from now on; may be called again."""
    from mlflow.utils import request_utils

    plain = request_utils.TCPKeepAliveHTTPAdapter
    if not issubclass(plain, Bounded):
        bounded: Any = type("BoundedAdapter", (Bounded, plain), {})
        request_utils.TCPKeepAliveHTTPAdapter = bounded  # type: ignore[misc]
        request_utils._cached_get_request_session.cache_clear()
