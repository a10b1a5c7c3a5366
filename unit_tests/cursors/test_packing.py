"""A ledger in the state: damaged ones are refused with one sentence, whatever was done to them."""

from __future__ import annotations

import copy
import re
from array import array
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from source_asana.cursors import packing
from source_asana.cursors.columns import pack
from source_asana.cursors.ledger import Ledger
from source_asana.cursors.names import gid_number
from source_asana.cursors.packing import pack_homes, unpack_homes

DAMAGED = r"^The ledger in the state is damaged: .*\.$"


def state() -> dict[str, Any]:
    """Return the state of a ledger that has everything."""
    ledger = Ledger()
    for number in range(40):
        ledger.enter(str(1000 + number * 7), f"1/{number // 4}", number)
        ledger.enter(str(1000 + number * 7), str(number % 3), number)
        ledger.enter(f"key-{number % 3}", "12", 5)
    ledger.enter("key-4", "a home", 2**32 - 1)
    value: dict[str, Any] = ledger.dump()
    return value


STATE = state()


def changed(path: list[str | int], value: Any) -> dict[str, Any]:
    """Return the state with one value in it replaced."""
    whole: Any = copy.deepcopy(STATE)
    below = whole
    for step in path[:-1]:
        below = below[step]
    below[path[-1]] = value
    assert whole != STATE
    return dict(whole)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[list[str | int]]:
    """Return the way to every value within a JSON value."""
    if isinstance(value, dict | list):
        for step in value if isinstance(value, dict) else range(len(value)):
            yield [*path, step]
            yield from paths(value[step], (*path, step))


def at(path: list[str | int]) -> Any:
    """Return what stands at a path in the state."""
    value: Any = STATE
    for step in path:
        value = value[step]
    return value


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70_000) | st.just(2**63) | st.text(max_size=5),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=3), below),
    max_leaves=6,
)


@st.composite
def damage(draw: st.DrawFn) -> dict[str, Any]:
    """Return the state after an accident: a value replaced, or a text with other characters."""
    path = draw(st.sampled_from(list(paths(STATE))))
    old = at(path)
    new = draw(anything)
    if isinstance(old, str) and draw(st.booleans()):
        place = draw(st.integers(0, len(old) - 1)) if old else 0
        new = old[:place] + draw(st.text("AZaz09+/=", max_size=3)) + old[place + 1 :]
    if isinstance(old, list) and old and draw(st.booleans()):
        new = draw(st.permutations(old + old[:1]) | st.just(old[1:]))
    assume(new != old)
    return changed(path, new)


@given(value=damage(), by_home=st.booleans())
def test_a_damaged_ledger_is_refused_with_one_sentence_or_is_sound(
    value: dict[str, Any], *, by_home: bool
) -> None:
    ledger, error = None, ""
    try:
        ledger = Ledger.load(value, by_home=by_home)
    except ValueError as caught:
        error = str(caught)
    if ledger is None:
        assert re.fullmatch(DAMAGED, error)
    else:
        stored = orjson.dumps(ledger.dump())
        assert len(Ledger.load(orjson.loads(stored), by_home=by_home)) == len(ledger)
        assert len(list(ledger.rows_where(lambda _: True))) == len(ledger)


def column(*numbers: int, code: str = "I") -> str:
    return pack(array(code, numbers), 0)


ROWS: list[str | int] = ["rows", 0]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "it does not have the form that it should"),
        ([], "it does not have the form that it should"),
        ({"version": 1}, "it does not have the form that it should"),
        (changed(["version"], 2), "its version is 2, not 1"),
        (changed(["version"], None), "its version is None, not 1"),
        (changed(["homes"], {}), "its homes do not have the form that they should"),
        (changed(["homes", "gids"], {}), "its homes are not in pieces"),
        (changed(["homes", "gids"], [[2, column(2, 0, code="Q")]]), "its homes are not sorted"),
        (changed(["homes", "texts"], ["a", "a"]), "a home is there twice"),
        (changed(["homes", "texts"], ["12"]), "a home is not the text that it should be"),
        (changed(["homes", "texts"], [12]), "a home is not the text that it should be"),
        (changed(ROWS, [1]), "a piece does not have the parts that it should"),
        (changed([*ROWS, 0], value=True), "a piece declares a number of rows that cannot be"),
        (changed([*ROWS, 0], 0), "a piece declares a number of rows that cannot be"),
        (changed([*ROWS, 0], 65_537), "a piece declares a number of rows that cannot be"),
        (changed([*ROWS, 0], 79), "a column is "),
        (changed(ROWS, [1, column(5, code="Q"), column(99), column(1)]), "that does not exist"),
        (
            changed(ROWS, [2, column(5, 0, code="Q"), column(1, 1), column(1)]),
            "its rows are not sorted",
        ),
        (
            changed(ROWS, [2, column(0, 5, code="Q"), column(1, 1), column(1, 1)]),
            "its rows are not sorted",
        ),
        (changed(["rows"], STATE["rows"] * 2), "its pieces are not sorted"),
        (changed(["texts", 0], ["a", 99, 1]), "a row has a home or a tag that cannot be"),
        (changed(["texts", 0], ["a", 0, 2**32]), "a row has a home or a tag that cannot be"),
        (changed(["texts", 0], ["12", 0, 1]), "a row does not have the form that it should"),
        (changed(["texts", 0], ["a", 0]), "a row does not have the form that it should"),
        (changed(["texts"], STATE["texts"] * 2), "a row is there twice"),
        (changed(["texts", 1], [STATE["texts"][0][0], 0, 9]), "a key has two tags"),
    ],
)
def test_the_error_says_what_is_wrong(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=DAMAGED) as caught:
        Ledger.load(value)

    assert reason in str(caught.value)


def test_a_key_that_goes_on_in_the_next_piece_has_one_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "PIECE_ROWS", 2)
    ledger = Ledger()
    for home in ("1", "2", "3"):
        ledger.enter("5", home, 7)
    value = ledger.dump()
    assert [piece[0] for piece in value["rows"]] == [2, 1]

    value["rows"][1][3] = column(8)

    with pytest.raises(ValueError, match="a key has two tags"):
        Ledger.load(value)


def test_a_ledger_that_was_stored_once_can_still_be_read() -> None:
    # A change of the code that this does not survive needs another version.
    stored = {
        "version": 1,
        "homes": {"gids": [[1, "AHgBYwIAAAMAAw=="]], "paths": {}, "texts": ["a"]},
        "rows": [
            [3, "BAAAAAR4AWOwY9jAwBDNwODDwGDGwODCwAAAF4ACEA==", "AHgBY2RgBAAABwAD", "IAn/AP8A/wD/"]
        ],
        "texts": [["k", 0, 3]],
    }

    ledger = Ledger.load(stored)

    assert len(ledger) == 4
    assert ledger.tag_of("1200000000000007", "1") == 9
    assert ledger.tag_of("1200000000000999", "a") == 2**32 - 1
    assert ledger.tag_of("k", "a") == 3


numbers = st.integers(0, 2**63 - 1)
texts = (
    st.text(max_size=4)
    | st.builds("{}/{}".format, st.sampled_from(["", "1", "a/b"]), st.integers(0, 30))
    | st.sampled_from(["007", "1/007", "/", "1/", "9223372036854775808", "1/9223372036854775808"])
).filter(lambda text: gid_number(text) is None)


@given(
    names=st.lists(texts, max_size=30, unique=True), gids=st.lists(numbers, unique=True).map(sorted)
)
def test_homes_come_back(names: list[str], gids: list[int]) -> None:
    value = orjson.loads(orjson.dumps(pack_homes(names, array("q", gids))))

    assert unpack_homes(value) == (sorted(names), array("q", gids))


def test_homes_below_one_are_packed_like_gids() -> None:
    many = [f"12/{1_200_000_000_000_000 + 1000 * number}" for number in range(1000)]

    value = pack_homes(many, array("q"))

    assert value["texts"] == []
    assert len(orjson.dumps(value)) < 4000
