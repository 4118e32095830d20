"""Compiled models are shared: a compilation takes a second."""

import functools

import pytest
from firmware_models import SHAPES, shaped

from dlnet.firmware.host import CompiledModel


@functools.cache
def built(name):
    return CompiledModel(shaped(name))


@pytest.fixture(scope="session")
def compiled():
    """From the name of a shape to its compiled model."""
    return built


@pytest.fixture(params=SHAPES)
def on_host(request):
    return built(request.param)


@pytest.fixture
def monitor():
    one = built("liquid-13")
    one.clear()
    return one
