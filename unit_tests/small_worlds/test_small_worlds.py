"""Whatever happens to a small world, in any order, the destination is right in the end.

All sequences of one and two happenings are tried in both modes, and a twentieth of those of three:
the one that `SMALL_WORLDS` names (0 to 19), or all with `SMALL_WORLDS=all`, which takes two hours.
"""

from __future__ import annotations

import os
import zlib
from random import Random

import pytest

from unit_tests.small_worlds.play import MODES, Sequence
from unit_tests.small_worlds.trying import NAMES, NEXT, Trial, told

SHARES = 20
SAMPLE = 5
# What takes back what happened.
BACK = {
    **{name: name for name in ("move", "slip", "hide", "exclude", "untrack", "scope", "like")},
    **dict.fromkeys(("delete", "delete_both", "delete_story"), "undelete"),
    "leave": "move",
}


def is_tried(sequence: Sequence) -> bool:
    """Return whether a sequence is tried: it is short, or in the chosen share of the longest."""
    chosen = os.environ.get("SMALL_WORLDS", "0")
    drawn = zlib.crc32("/".join(sequence).encode()) % SHARES
    return len(sequence) < 3 or chosen in {"all", str(drawn)}


def test_a_sample_of_short_sequences() -> None:
    pairs = [(first, second) for first in NAMES for second in NAMES]
    sample = set(Random(1).sample(pairs, SAMPLE))  # noqa: S311 - reproducible
    with Trial("listings") as trial:
        trial.all((), 1)
        for pair in sorted(sample):
            trial.one(pair)
        assert told(trial.shortest()) == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_all_sequences_of_up_to_three(mode: str, first: str) -> None:
    with Trial(mode) as trial:
        trial.all((first,), 3, is_tried)
        assert told(trial.shortest()) == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(NEXT)])
@pytest.mark.parametrize("mode", MODES)
def test_a_kill_at_any_message(mode: str, name: str) -> None:
    with Trial(mode) as trial:
        trial.killed_anywhere(name)
        if back := BACK.get(name):
            trial.killed_anywhere(name, back)
        assert told(trial.shortest()) == ""
