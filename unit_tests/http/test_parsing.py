"""JSON that is as it should be, JSON with halves of characters, and what is no JSON."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.http.parsing import parse

# Texts of every kind, halves of surrogate pairs among them.
TEXTS = st.text(st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83c"', "\ufffd"),
        (r'"a\udf89b"', "a\ufffdb"),
        (r'"\ud83c\ud83c\udf89"', "\ufffd\U0001f389"),
        (r'"\udf89\ud83c"', "\ufffd\ufffd"),
        (r'"\\ud83c \ud83c"', "\\ud83c \ufffd"),
        (r'{"\ud83c": [1.50, 12345678901234567, "é"]}', {"\ufffd": [1.5, 12345678901234567, "é"]}),
        (r'"\ud83c\udf89"', "\U0001f389"),
    ],
)
def test_half_a_character_is_replaced(text: str, value: Any) -> None:
    assert parse(text.encode()) == value


@given(VALUES)
def test_whatever_is_parsed_can_be_printed(value: Any) -> None:
    parsed = parse(json.dumps(value).encode())
    assert orjson.loads(orjson.dumps(parsed)) == parsed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        rb'{"a": "\ud83c"',
        rb'["\ud83c", NaN]',
        rb'["\ud83c", Infinity]',
        b'"\xff"',
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="line"):
        parse(content)
