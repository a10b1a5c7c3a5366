"""Two answers that show one version have one tag, and two versions have two."""

from __future__ import annotations

import copy
import random
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors import sending as fingerprints
from source_asana.cursors.sending import fingerprinter

TAG = fingerprinter(["download_url"])

PHOTO = "https://asanausercontent.com/us1/assets/11/profile_photos/22/33.44_128x128.png"
BUCKET = "asana-user-private-us-east-1"
SIGNED = [
    PHOTO,
    "https://x.asanausercontent.com/a",
    "https://asanausercontent.com",
    f"https://{BUCKET}.s3.amazonaws.com/assets/1/2/3",
    f"https://{BUCKET}.s3.us-east-1.amazonaws.com/assets/1/2/3_größe.png",
    f"https://s3.amazonaws.com/{BUCKET}/assets/1/2/3",
    f"https://s3.us-east-1.amazonaws.com/{BUCKET}/assets/1/2/3",
    f"http://s3-eu-central-1.amazonaws.com/{BUCKET}/assets/1",
]
UNSIGNED = [
    "https://app.asana.com/app/asana/-/get_asset",
    "https://example.com/page",
    "https://s3.amazonaws.com/bucket-of-a-user/file",
    "https://bucket-of-a-user.s3.amazonaws.com/asana-file",
    "https://asanausercontent.com.example.com/a",
    "https://example.com/asanausercontent.com/a",
]
FIRST, SECOND = "?e=1764285010&v=0&t=2ucKx_q-fU%2Bk", "?X-Amz-Security-Token=IQo%2F&X-Amz-Date=2"

texts = st.text(max_size=4) | st.sampled_from([PHOTO + FIRST, UNSIGNED[1] + FIRST])
scalars = texts | st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9)
names = st.sampled_from(["name", "type", "enum_options", "z", "url", "synced_at"])


@st.composite
def records(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """Return a record, or an object within one: lists of one kind, most objects without a gid."""
    values: st.SearchStrategy[Any] = scalars
    if depth:
        below = records(depth - 1)
        gids = st.lists(st.text("12", min_size=1, max_size=3), max_size=3, unique=True)
        with_gid: st.SearchStrategy[Any] = st.builds(
            lambda gids, one: [{"gid": gid, **one} for gid in gids], gids, below
        )
        few = st.lists(texts, max_size=3) | st.lists(below, max_size=3) | with_gid
        values = scalars | below | few
    return draw(st.dictionaries(names, values, max_size=4))


def shuffled(value: Any, chance: random.Random, *, name: str = "") -> Any:
    """Return what another answer may give for the same version."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, chance, name=key)) for key, item in value.items()]
        items = [(key, item) for key, item in items if item is not None or chance.random() < 0.5]
        items += [(key, None) for key in ("new", "empty") if chance.random() < 0.5]
        return dict(chance.sample(items, len(items)))
    if isinstance(value, list):
        items = [shuffled(item, chance) for item in value]
        return items if name == "enum_options" else chance.sample(items, len(items))
    if isinstance(value, str) and value.removesuffix(FIRST) in SIGNED:
        return value.removesuffix(FIRST) + chance.choice((FIRST, SECOND, ""))
    return value


@given(record=records(), chance=st.randoms(use_true_random=False))
def test_what_asana_does_not_promise_to_repeat_does_not_count(
    record: dict[str, Any], chance: random.Random
) -> None:
    assert TAG(shuffled(record, chance)) == TAG(record)


@given(record=records(), column=names, value=texts.filter(lambda text: "?" not in text))
def test_what_is_sent_counts(record: dict[str, Any], column: str, value: str) -> None:
    changed = {**record, column: value}
    is_same = record.get(column) == value or column == "synced_at"

    assert (TAG(changed) == TAG(record)) is is_same


@given(record=records())
def test_the_record_stays_as_it_is(record: dict[str, Any]) -> None:
    before = copy.deepcopy(record)

    TAG(record)

    assert record == before
    assert str(record) == str(before)


@given(record=records())
def test_a_tag_fits_into_32_bits_and_is_never_0(record: dict[str, Any]) -> None:
    assert 0 < TAG(record) < 2**32


def test_a_computed_0_becomes_1(monkeypatch: pytest.MonkeyPatch) -> None:
    zero = Mock(**{"return_value.digest.return_value": bytes(4)})
    monkeypatch.setattr(fingerprints, "blake2b", zero)

    assert TAG({"gid": "1"}) == 1


def test_a_tag_is_the_same_in_every_release() -> None:
    # Another value here sends every record of every user once more.
    record = {"gid": "1", "name": "Größe", "likes": [{"gid": "3"}, {"gid": "2"}], "done": None}

    assert TAG(record) == 1660851063


@pytest.mark.parametrize("column", ["synced_at", "_ab_cdc_deleted_at", "download_url"])
def test_columns_of_the_connector_and_volatile_ones_do_not_count(column: str) -> None:
    assert TAG({"gid": "1", column: "a"}) == TAG({"gid": "1", column: "b"}) == TAG({"gid": "1"})


def test_a_volatile_column_counts_within_another_one() -> None:
    assert TAG({"a": {"download_url": "a"}}) != TAG({"a": {"download_url": "b"}})


def test_choices_in_another_order_are_another_version() -> None:
    yes, no = {"gid": "1"}, {"gid": "2"}

    assert TAG({"enum_options": [yes, no]}) != TAG({"enum_options": [no, yes]})
    assert TAG({"multi_enum_values": [yes, no]}) == TAG({"multi_enum_values": [no, yes]})


def test_the_order_of_memberships_does_not_count() -> None:
    one = {"project": {"gid": "1"}, "section": {"gid": "2"}}
    other = {"section": {"gid": "4", "name": None}, "project": {"gid": "3"}}
    moved = {"project": {"gid": "1"}, "section": {"gid": "4"}}

    assert TAG({"memberships": [one, other]}) == TAG({"memberships": [other, one]})
    assert TAG({"memberships": [one, other]}) != TAG({"memberships": [moved, other]})


def test_the_same_item_twice_is_not_the_item_once() -> None:
    assert TAG({"email_domains": ["a", "a"]}) != TAG({"email_domains": ["a"]})


def test_a_list_without_items_is_not_null() -> None:
    assert TAG({"likes": []}) != TAG({"likes": None})


@pytest.mark.parametrize("url", SIGNED)
@pytest.mark.parametrize(
    "column",
    [
        lambda url: url,
        lambda url: {"image_128x128": url},
        lambda url: f'<body>A <img src="{url}" alt="?"/> and <a href=\'{url}\'>this</a></body>',
        lambda url: f"see {url}\nand {url} (or {url}), \\{url}\\",
        lambda url: [{"text": url}, {"text": "b"}],
    ],
)
def test_the_signature_of_a_file_does_not_count_wherever_it_stands(url: str, column: Any) -> None:
    first, second = TAG({"a": column(url + FIRST)}), TAG({"a": column(url + SECOND)})

    assert first == second == TAG({"a": column(url)})
    assert first != TAG({"a": column(f"{url}/2{FIRST}")})


@pytest.mark.parametrize("url", UNSIGNED)
def test_the_query_of_any_other_link_counts(url: str) -> None:
    assert TAG({"a": f"{url}?a=1"}) != TAG({"a": f"{url}?a=2"})
    assert TAG({"a": f"{PHOTO}{FIRST} {url}?a=1"}) != TAG({"a": f"{PHOTO}{FIRST} {url}?a=2"})


def test_what_follows_a_signature_counts() -> None:
    html = f'<img src="{PHOTO}{FIRST}"/>'

    assert TAG({"a": html + "one"}) != TAG({"a": html + "two"})
    assert TAG({"a": PHOTO + FIRST, "b": "one"}) != TAG({"a": PHOTO + FIRST, "b": "two"})
