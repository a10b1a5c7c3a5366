"""Numbers for texts, and homes."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors.names import UNKNOWN, Homes, Numbers, gid_number

TEXTS = [
    "1200000000000001",
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "a",
    "",
    "1/2",
    "01",
]
some = st.lists(st.sampled_from(TEXTS) | st.integers(0, 99).map(str) | st.text(max_size=3))


@pytest.mark.parametrize("text", ["0", "7", "1200000000000001", "9223372036854775807"])
def test_a_gid_is_its_own_number(text: str) -> None:
    assert gid_number(text) == int(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "01", "-1", "+1", " 1", "1 ", "1_0", "1.0", "９", "9223372036854775808", "1/2"],  # noqa: RUF001
)
def test_what_would_not_come_back_as_it_was_is_no_gid(text: str) -> None:
    assert gid_number(text) is None


@given(texts=some)
def test_numbers_stand_for_their_texts(texts: list[str]) -> None:
    numbers = Numbers()
    found = [numbers.add(text) for text in texts]

    assert [numbers.text(number) for number in found] == texts
    assert [numbers.get(text) for text in texts] == found
    assert len(set(found)) == len(set(texts))
    assert numbers.get("never added") == UNKNOWN
    assert UNKNOWN not in found


@given(texts=some)
def test_homes_have_indexes_in_the_order_of_their_arrival(texts: list[str]) -> None:
    homes, distinct = Homes(), list(dict.fromkeys(texts))
    indexes = [homes.add(text) for text in texts]

    assert indexes == [distinct.index(text) for text in texts]
    assert [homes.get(text) for text in distinct] == list(range(len(homes)))
    assert [homes.text(index) for index in range(len(homes))] == distinct
    assert homes.get("never added") == UNKNOWN


@given(texts=some, empty=some)
def test_homes_with_rows_come_back_from_their_order(texts: list[str], empty: list[str]) -> None:
    homes = Homes()
    for text in texts:
        homes.rows[homes.add(text)] += 1
    for text in empty:
        homes.add(text)

    names, gids, indexes = homes.in_order()
    again = Homes(names, gids)

    assert sorted([*names, *map(str, gids)]) == sorted(set(texts))
    assert [again.text(place) for place in range(len(again))] == [homes.text(at) for at in indexes]
    assert again.inhabited() == []
    assert all(again.get(text) == again.add(text) != UNKNOWN for text in texts)


def test_homes_without_any_are_empty() -> None:
    assert Homes().in_order() == ([], array("q"), [])
