"""A relay of its own a test, or one for all that only ask."""

import pytest
from running_relay import GitHubStub, free_port, start_relay


@pytest.fixture
def github():
    stub = GitHubStub(free_port())
    yield stub
    stub.down()


@pytest.fixture
def start(tmp_path):
    """Starts a relay with its files in ``tmp_path``, for GitHub at a port."""
    started = []

    def begin(port):
        started.append(start_relay(tmp_path, port))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def relay(github, start):
    return start(github.port)


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """One relay for all tests that only look at its answers; nothing listens where it takes GitHub to be."""
    running = start_relay(tmp_path_factory.mktemp("relay"), free_port())
    yield running
    running.stop()
