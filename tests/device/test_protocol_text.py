"""Numbers and lines of the protocol: the sketch's parser against Python's own."""

import ctypes
import math
import re

import numpy as np
import pytest
from host_compiler import compile_host
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlnet.device.board import number
from dlnet.device.errors import DeviceError

LONGEST = 400
NONE, TOO_LONG, BAD_CHARACTER = 0, 1, 2


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("host") / "protocol.so"
    return ctypes.CDLL(str(compile_host("protocol_host.cpp", path, "-shared", "-fPIC")))


@pytest.fixture(scope="module")
def parsed(library):
    """A function: text -> the number, or None where it is refused."""

    def parse(text):
        value, raw = ctypes.c_double(), text.encode()
        taken = library.parse_number(raw, ctypes.c_size_t(len(raw)), ctypes.byref(value))
        return value.value if taken else None

    return parse


@pytest.fixture(scope="module")
def lines(library):
    """A function: bytes -> [(error, length)] of the lines in them."""

    def read(raw):
        out = (ctypes.c_int * 200)()
        count = library.lines(raw, ctypes.c_size_t(len(raw)), out, ctypes.c_size_t(100))
        return [(out[2 * i], out[2 * i + 1]) for i in range(count)]

    return read


@settings(max_examples=500)
@given(text=st.from_regex(r"[+-]?[0-9]{1,8}(\.[0-9]{0,7})?", fullmatch=True))
def test_a_decimal_is_the_double_that_python_reads(parsed, text):
    assert parsed(text) == float(text)


@settings(max_examples=500)
@given(text=st.text("0123456789+-.eEnaif xX_,", max_size=20))
def test_what_is_no_plain_decimal_is_refused(parsed, text):
    plain = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text)
    if plain is None:
        assert parsed(text) is None
    else:
        assert parsed(text) in (None, float(text))


@pytest.mark.parametrize("text", ["1" * 16, "0." + "0" * 23, "nan", "inf", "-", ".", "", "1e3", "1.2.3", "--1", "0x10"])
def test_numbers_that_are_refused(parsed, text):
    assert parsed(text) is None


@settings(max_examples=500)
@given(value=st.floats(-1e6, 1e6, width=32))
def test_a_float32_arrives_unchanged(parsed, value):
    assume(value == 0 or abs(value) > 1e-12)
    assert np.float32(parsed(number(value))) == np.float32(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e12, 1e-23])
def test_a_number_that_the_protocol_cannot_carry_is_not_sent(value):
    with pytest.raises(DeviceError, match="cannot be sent to a board"):
        number(value)


@pytest.mark.parametrize("text", ["", "-1", "+1", "4294967296", "99999999999", "1.0", "a"])
def test_row_numbers_that_are_refused(library, text):
    value = ctypes.c_uint32(7)
    assert not library.parse_unsigned(text.encode(), ctypes.c_size_t(len(text)), ctypes.byref(value))
    assert value.value == 7


def test_the_largest_row_number(library):
    value = ctypes.c_uint32()
    assert library.parse_unsigned(b"4294967295", ctypes.c_size_t(10), ctypes.byref(value))
    assert value.value == 2**32 - 1


@settings(max_examples=200)
@given(value=st.floats(-1e8, 1e8))
def test_nine_digits_after_the_point(library, value):
    buffer = ctypes.create_string_buffer(64)
    length = library.put_fixed(ctypes.c_double(value), buffer, ctypes.c_size_t(64))
    # Half a unit of the last digit, and what a double of this size can tell apart.
    assert float(buffer.raw[:length]) == pytest.approx(value, abs=5.1e-10, rel=1e-15)


def test_a_reply_is_cut_where_its_buffer_ends(library):
    buffer = ctypes.create_string_buffer(b"?" * 8)
    assert library.put_fixed(ctypes.c_double(1.0), buffer, ctypes.c_size_t(4)) == 4
    assert buffer.raw[:6] == b"1.00??"


def test_lines_end_with_or_without_a_carriage_return(lines):
    assert lines(b"info\ninfo\r\n\n\r\n") == [(NONE, 4), (NONE, 4), (NONE, 0), (NONE, 0)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_longest_line_is_taken_and_one_more_character_is_too_long(lines, end):
    assert lines(b"x" * LONGEST + end) == [(NONE, LONGEST)]
    assert [error for error, _ in lines(b"x" * (LONGEST + 1) + end)] == [TOO_LONG]


@pytest.mark.parametrize("raw", [b"x" * 100_000 + b"\n", b"\xff" * 401 + b"\n"])
def test_an_over_long_line_is_one_refusal_and_the_next_line_is_read(lines, raw):
    found = lines(raw + b"info\n")
    assert [error for error, _ in found] == [TOO_LONG, NONE]
    assert found[1][1] == 4


@pytest.mark.parametrize("byte", [0, 7, 9, 13, 127, 128, 255])
def test_bytes_that_are_no_text_are_refused(lines, byte):
    assert [error for error, _ in lines(b"in" + bytes([byte]) + b"fo\ninfo\n")] == [BAD_CHARACTER, NONE]
