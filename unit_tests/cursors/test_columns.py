"""Columns of numbers as texts: there and back, and nothing from damaged ones but one error."""

from __future__ import annotations

import re
import zlib
from array import array
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors.columns import gaps_of, pack, pack_rising, rising, unpack

DAMAGED = r"^The ledger in the state is damaged: .*\.$"
small, large = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
keys = st.integers(0, 2**63 - 1)


@given(values=st.lists(small | st.integers(0, 300), min_size=1), low_bits=st.integers(0, 32))
def test_small_numbers_come_back(values: list[int], low_bits: int) -> None:
    column = array("I", values)

    assert unpack(pack(column, low_bits), len(values), "I") == column


@given(values=st.lists(large | st.integers(0, 2**40), min_size=1), low_bits=st.integers(0, 64))
def test_large_numbers_come_back(values: list[int], low_bits: int) -> None:
    column = array("Q", values)

    assert unpack(pack(column, low_bits), len(values), "Q") == column


@given(values=st.lists(keys | st.integers(10**15, 10**15 + 50), min_size=1).map(sorted))
def test_rising_numbers_come_back_from_their_gaps(values: list[int]) -> None:
    column = array("q", values)
    gaps = gaps_of(column)

    assert unpack(pack_rising(column), len(values), "Q") == gaps
    assert rising(gaps) == column
    assert [gap == 0 for gap in gaps[1:]] == [a == b for a, b in zip(values, values[1:])]  # noqa: B905, RUF007
    assert gaps[0] > 0


@given(blob=st.binary(max_size=60), count=st.integers(1, 20), code=st.sampled_from("IQ"))
def test_whatever_is_not_a_column_is_an_error_or_as_long_as_declared(
    blob: bytes, count: int, code: str
) -> None:
    values, error = None, ""
    try:
        values = unpack(b64encode(blob).decode(), count, code)
    except ValueError as caught:
        error = str(caught)
    assert re.fullmatch(DAMAGED, error) if values is None else len(values) == count


def coded(low_bits: int, low: bytes, high: bytes) -> str:
    return b64encode(bytes((low_bits,)) + low + high).decode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "a column is not a text"),
        (7, "a column is not a text"),
        ("", "a column is empty"),
        ("abc", "a column is not valid base64"),
        ("ab-_", "a column is not valid base64"),
        ("ä", "a column is not valid base64"),
        (coded(40, b"", b""), "a column has numbers that are too large"),
        (coded(255, b"", b""), "a column has numbers that are too large"),
        (coded(32, b"1234567", b""), "a column is shorter than declared"),
        (coded(5, b"1", b""), "a column is shorter than declared"),
        (coded(0, b"", b"nothing"), "a column is not valid zlib"),
        (coded(0, b"", zlib.compress(b"123")), "a column is shorter than declared"),
        (coded(0, b"", zlib.compress(bytes(9))), "a column is longer or shorter than declared"),
        (coded(0, b"", zlib.compress(b"12")[:-2]), "a column is longer or shorter than declared"),
        (coded(0, b"", zlib.compress(b"12") + b"."), "a column is longer or shorter than declared"),
    ],
)
def test_the_error_of_a_damaged_column_says_what_is_wrong(text: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=DAMAGED) as caught:
        unpack(text, 2, "I")

    assert reason in str(caught.value)


def test_what_would_inflate_to_gigabytes_is_given_up_early() -> None:
    bomb = coded(0, b"", zlib.compress(bytes(50_000_000), 9))

    with pytest.raises(ValueError, match="longer or shorter"):
        unpack(bomb, 2, "I")


def test_gaps_beyond_the_largest_number_are_an_error() -> None:
    with pytest.raises(ValueError, match="a number is too large"):
        rising(array("Q", [2**63, 2]))
