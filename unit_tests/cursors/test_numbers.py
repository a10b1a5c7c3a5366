"""Bounds and gates in the state."""

from __future__ import annotations

import copy
import random
from array import array
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors import numbers, packing
from source_asana.cursors.columns import pack
from source_asana.cursors.numbers import pack_texts, unpack_texts

values = st.dictionaries(
    st.integers(0, 10**16).map(str) | st.text(max_size=5),
    st.integers(0, 2**62) | st.integers(10**12, 10**12 + 10**6),
    min_size=1,
)


@given(by_text=values)
def test_numbers_come_back(by_text: dict[str, int]) -> None:
    assert unpack_texts(orjson.loads(orjson.dumps(pack_texts(by_text)))) == by_text


@given(by_text=values)
def test_numbers_come_back_in_pieces(by_text: dict[str, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "PIECE_ROWS", 2)
        patch.setattr(packing, "PIECE_ROWS", 3)
        value = pack_texts(by_text)

        assert unpack_texts(value) == by_text
        assert len(value["values"]) == -(-len(by_text) // 2)


def test_a_bound_takes_few_characters() -> None:
    chance = random.Random(1)  # noqa: S311
    bounds = {
        str(10**15 + chance.randrange(10**11)): 1_790_000_000_000 + chance.randrange(600_000)
        for _ in range(20_000)
    }

    assert len(orjson.dumps(pack_texts(bounds))) / len(bounds) < 9


VALUE = pack_texts({"12": 5, "a": 7})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("from", None, "its numbers do not have the form that they should"),
        ("keys", [], "its homes do not have the form that they should"),
        ("values", None, "its numbers do not have the form that they should"),
        ("values", [], "it has more or fewer numbers than keys"),
        ("values", VALUE["values"] * 2, "it has more or fewer numbers than keys"),
        ("values", [[0, ""]], "a piece does not have the parts that it should"),
        ("values", [[2, "?"]], "a column is not valid base64"),
        ("values", [[3, pack(array("Q", [1, 2]), 8)]], "a column is shorter than declared"),
    ],
)
def test_damaged_numbers_are_refused_with_one_sentence(name: str, value: Any, reason: str) -> None:
    damaged = copy.deepcopy(VALUE)
    damaged[name] = value

    with pytest.raises(ValueError, match=rf"^The ledger in the state is damaged: {reason}\.$"):
        unpack_texts(damaged)


@pytest.mark.parametrize("value", [None, [], "a", {}])
def test_what_is_no_packed_numbers_at_all_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack_texts(value)
