"""What a question is, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from source_asana.live.asker import Asker
from source_asana.live.sample import Sample


class Answer(Enum):
    """How what was seen relates to what is believed."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    UNKNOWN = "not enough data"


@dataclass(frozen=True)
class Finding:
    """What was seen, in sentences without names, texts and gids, and what follows from it."""

    answer: Answer
    seen: str


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        title: the question, in words.
        believed: what the connector relies on, or what its documents say.
        asked: how it is found out.
        ask: finds it out.
    """

    title: str
    believed: str
    asked: str
    ask: Callable[[Asker, Sample], Finding]


def agrees(seen: str) -> Finding:
    """Return the finding that Asana does what is believed."""
    return Finding(Answer.AGREES, seen)


def contradicts(seen: str) -> Finding:
    """Return the finding that it does something else."""
    return Finding(Answer.CONTRADICTS, seen)


def unknown(seen: str) -> Finding:
    """Return the finding that this workspace does not show it."""
    return Finding(Answer.UNKNOWN, seen)


def decide(problems: Iterable[str], seen: str, *, enough: bool = True) -> Finding:
    """Return a contradiction that names the problems; without any, what `seen` says.

    Args:
        problems: sentences.
        seen: a sentence about what was looked at.
        enough: whether that was enough to agree.
    """
    found = list(problems)
    if found:
        return contradicts(" ".join([*found, seen]))
    return agrees(seen) if enough else unknown(seen)
