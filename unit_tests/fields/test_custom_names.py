"""Names of the columns of custom fields: readable, unique, and the same in any order."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.fields.custom import MOST_BYTES, column_names, snake_case

GIDS = st.from_regex(r"[1-9][0-9]{0,31}", fullmatch=True)
ALIKE = st.sampled_from(
    ["Priority", "priority", "Priority 123456", "Fields", "x" * 80, "🔥", "Type", "?"]
)
LABELS = st.dictionaries(GIDS, ALIKE | st.text(max_size=90), max_size=12)
TAKEN = frozenset({"custom_fields", "custom_type", "custom_fire"})


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Story Points", "story_points"),
        ("storyPoints", "story_points"),
        ("ARR (USD)", "arr_usd"),
        ("  --Due by?--  ", "due_by"),
        ("What's next", "whats_next"),
        ("Größe", "grosse"),
        ("Q1 / 2026", "q1_2026"),
        ("الأولوية", "lwlwyh"),
        ("Приоритет", "prioritet"),
        ("优先级", "you_xian_ji"),
        ("🔥", "fire"),
        ("⭐ Rating", "star_rating"),
        ("€ Budget", "eur_budget"),
        ("%%%", ""),
        ("\ud800", ""),
    ],
)
def test_words(label: str, expected: str) -> None:
    assert snake_case(label) == expected


def test_a_name_of_its_own_stays_as_it_is() -> None:
    assert column_names({"1201": "Priority", "1202": "Effort"}, TAKEN) == {
        "1201": "custom_priority",
        "1202": "custom_effort",
    }


def test_fields_of_one_name_all_get_the_end_of_their_gid() -> None:
    labels = {"1201234567890123": "Priority", "1201234567894567": "priority!", "9": "Effort"}
    assert column_names(labels, TAKEN) == {
        "1201234567890123": "custom_priority_890123",
        "1201234567894567": "custom_priority_894567",
        "9": "custom_effort",
    }


def test_where_the_end_of_the_gid_does_not_tell_them_apart_all_of_it_does() -> None:
    labels = {"1000000123456": "Priority", "2000000123456": "Priority", "3": "Priority 123456"}
    assert column_names(labels, TAKEN) == {
        "1000000123456": "custom_priority_1000000123456",
        "2000000123456": "custom_priority_2000000123456",
        "3": "custom_priority_123456_3",
    }


def test_no_column_of_the_stream_is_replaced() -> None:
    assert column_names({"1201234567890123": "Fields"}, TAKEN) == {
        "1201234567890123": "custom_fields_890123"
    }


def test_a_name_without_words_is_the_end_of_the_gid() -> None:
    assert column_names({"1201234567890123": "%"}, TAKEN) == {"1201234567890123": "custom_890123"}


def test_a_long_name_leaves_room_for_the_gid() -> None:
    first, second = column_names({"7000001": "a" * 80, "7000002": "a" * 80}, TAKEN).values()
    assert first == f"custom_{'a' * 49}_000001"
    assert len(first) == len(second) == MOST_BYTES


@given(LABELS)
def test_names_are_short_plain_and_unique(labels: dict[str, str]) -> None:
    names = column_names(labels, TAKEN)
    assert names.keys() == labels.keys()
    assert len(set(names.values())) == len(labels)
    assert not TAKEN.intersection(names.values())
    for name in names.values():
        assert re.fullmatch(r"custom(_[a-z0-9]+)+", name), name
        assert len(name.encode()) <= MOST_BYTES


@given(LABELS, st.randoms())
def test_the_order_of_the_fields_is_of_no_account(labels: dict[str, str], random: Random) -> None:
    items = list(labels.items())
    random.shuffle(items)
    assert column_names(dict(items), TAKEN) == column_names(labels, TAKEN)
