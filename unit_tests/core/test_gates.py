"""Which parents show another newest child than when their children were read."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from source_asana.core.listings import Gates


def again(gates: Gates) -> Gates:
    """Return the gates as the next sync loads them."""
    new = Gates()
    new.load(orjson.loads(orjson.dumps(gates.dump())))
    return new


@pytest.mark.parametrize(
    ("closed_at", "now", "is_another"),
    [
        (None, None, False),
        (None, "7", True),
        ("7", "7", False),
        ("7", "8", True),
        ("7", None, True),
        ("a-b", "a-b", False),
        ("a-b", "a-c", True),
        ("9" * 30, "9" * 30, False),
        ("9" * 30, "9" * 29, True),
    ],
)
def test_a_gate_tells_whether_the_newest_child_is_another(
    closed_at: str | None,
    now: str | None,
    *,
    is_another: bool,
) -> None:
    gates = Gates()
    assert gates.shows_another("1", now)

    gates.close("1", closed_at)

    assert gates.shows_another("1", now) is is_another
    found = again(gates)
    assert found.shows_another("1", now) is is_another


def test_gates_count_what_was_read_and_drop_what_no_longer_exists() -> None:
    gates = Gates()
    assert gates.dump() is None
    gates.close("1", None)
    gates.close("2", "7")
    assert (len(gates), "1" in gates, "3" in gates) == (2, True, False)

    gates.keep_only("2".__eq__)

    assert (len(gates), "1" in gates) == (1, False)


@pytest.mark.parametrize("value", [[], 7, {"1": 5}])
def test_a_value_that_no_gates_have_written_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Gates().load(value)
