"""Compiled models are shared: a compilation takes a second."""

import functools

import pytest
from firmware_models import SHAPES, shaped

from dlnet.firmware.host import CompiledModel


@functools.cache
def compiled(name):
    return CompiledModel(shaped(name))


@pytest.fixture(params=SHAPES)
def on_host(request):
    return compiled(request.param)


@pytest.fixture
def monitor():
    one = compiled("liquid-13")
    one.clear()
    return one
