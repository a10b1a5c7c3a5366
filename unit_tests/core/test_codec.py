"""Rows and numbers come back as they were, and what is damaged is refused with one sentence."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from struct import pack
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from source_asana.core import codec
from source_asana.core.codec import decode_numbers, encode_numbers, number_of
from source_asana.core.ledger import NOW, SHIFT, SHOWN, Ledger

texts = st.sampled_from(["007", "", "-1", "²", "٣", "1_0", " 1", "a/b", str(2**63), "9" * 5000])
keys = st.integers(0, 2**63 - 1).map(str) | st.integers(0, 20).map(str) | texts | st.text()
keys = keys.filter(lambda key: not any("\ud800" <= letter <= "\udfff" for letter in key))
numbers = st.integers(0, 2**64 - 1) | st.integers(0, 20)


@given(values=st.dictionaries(keys, numbers, max_size=30), rows=st.integers(1, 8))
@example(values={"0": 0, "00": 2**64 - 1, str(2**63 - 1): 1}, rows=1)
@settings(max_examples=300, deadline=None)
def test_numbers_come_back_whatever_their_keys_are(values: dict[str, int], rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "PIECE_ROWS", rows)
        patch.setattr(codec, "PIECE_TEXTS", rows)
        value = orjson.loads(orjson.dumps(encode_numbers(values)))
        assert decode_numbers(value) == values
    assert bool(value["texts"]) == any(number_of(key) is None for key in values)


def test_users_of_a_workspace_take_few_characters() -> None:
    users = [1_200_000_000_000_000 + number * 9_973_117 for number in range(20_000)]
    listings = {f"1199999999999999/{user}": 1_700_000_000_000 for user in users}
    assert len(orjson.dumps(encode_numbers(listings))) < 13 * len(listings)


def test_no_text_is_long_even_if_nothing_can_be_compressed() -> None:
    noise = b"".join(zlib.crc32(pack("q", at)).to_bytes(4, "big") for at in range(160_000))
    values = {
        str(int.from_bytes(noise[at : at + 8], "big") >> 1): int.from_bytes(
            noise[at + 8 : at + 16], "big"
        )
        for at in range(0, len(noise), 16)
    }
    pieces = encode_numbers(values)["numbers"]
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 800_000


def piece(*rows: tuple[int, int]) -> str:
    """Return a piece with these gaps and numbers."""
    gaps, values = (pack(f"<{len(rows)}Q", *column) for column in zip(*rows, strict=True))
    return of(b"".join(column[place::8] for column in (gaps, values) for place in range(8)))


def of(planes: bytes) -> str:
    return b64encode(zlib.compress(planes)).decode()


def table(*pieces: Any, texts: Any = (), rows: Any = ()) -> dict[str, Any]:
    packed = [listed(list(texts))] if texts else []
    return {"numbers": list(pieces), "texts": packed, "rows": list(rows)}


def listed(value: Any) -> str:
    """Return a piece of texts."""
    return of(json.dumps(value).encode())


def test_the_pieces_of_these_tests_are_those_of_the_codec() -> None:
    value = table(piece((3, 9), (4, 1)), texts=["a"], rows=[piece((0, 2))])
    assert decode_numbers(value) == {"3": 9, "7": 1, "a": 2}


GOOD = piece((3, 9), (4, 1))
BOMB = of(bytes(100_000_000))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {**table(), "numbers": {}},
        {**table(), "texts": "a"},
        {**table(), "rows": None},
        table(5),
        table(None),
        table(""),
        table("é"),
        table(GOOD[:-1]),
        table(GOOD + "!"),
        table(GOOD[:-8]),
        table(GOOD[:8] + "AAAA" + GOOD[12:]),
        table(b64encode(b"noise").decode()),
        table(b64encode(zlib.compress(bytes(16)) + b"more").decode()),
        table(of(b"")),
        table(of(bytes(15))),
        table(of(bytes(24))),
        table(BOMB),
        table(piece((3, 9), (0, 9))),
        table(piece((3, 9), (0, 8))),
        table(piece((3, 8), (0, 9))),
        table(GOOD, GOOD),
        table(piece((2**63, 1))),
        table(piece((2**62, 1), (2**62, 1))),
        table(piece((2**64 - 1, 1), (2**64 - 1, 1))),
        table(texts=[5], rows=[piece((0, 1))]),
        table(texts=["5"], rows=[piece((0, 1))]),
        table(texts=["b", "a"], rows=[piece((0, 1), (1, 1))]),
        table(texts=["a", "a"], rows=[piece((0, 1), (1, 1))]),
        table(texts=["a"], rows=[piece((0, 1), (1, 1))]),
        table(rows=[piece((0, 1))]),
        {**table(), "texts": ["a"]},
        {**table(), "texts": [listed({"a": 1})]},
        {**table(), "texts": [of(b"[")]},
        {**table(), "texts": [of(b"[" * 1_000_000)]},
        {**table(), "texts": [BOMB]},
    ],
)
def test_damaged_numbers_are_refused_with_one_sentence(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^A part of the state is damaged: [^.]*\.$"):
        decode_numbers(value)


PARTITIONS = table(piece((7, 0), (1, 0)))
SECOND = 1 << SHIFT


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (table(piece((3, 5), (0, SECOND | 5), (1, SECOND | 6))), ()),
        (table(piece((3, 5), (0, SECOND | 6))), (False,)),
        (table(piece((3, 5), (0, 6))), (False, True)),
        (table(piece((3, 2 << SHIFT))), (False, True)),
        (table(piece((3, SHOWN))), (False, True)),
        (table(piece((3, NOW))), (False, True)),
        (table(texts=["a"], rows=[piece((0, 2 << SHIFT))]), (False, True)),
        (table("?"), (False, True)),
    ],
)
def test_damaged_ledgers_are_refused_with_one_sentence(
    value: dict[str, Any], refused: tuple[bool, ...]
) -> None:
    whole = {"partitions": PARTITIONS, "rows": value}
    for by_partition in (False, True):
        if by_partition in refused:
            with pytest.raises(ValueError, match=r"^A part of the state is damaged: [^.]*\.$"):
                Ledger.load(whole, by_partition=by_partition)
        else:
            Ledger.load(whole, by_partition=by_partition)
    with pytest.raises(ValueError, match=r"^A part of the state is damaged: [^.]*\.$"):
        Ledger.load({"partitions": table(BOMB), "rows": value})
