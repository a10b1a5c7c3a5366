"""What a question is, what was found, and the report about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from tools.probe.asker import Asker
from tools.probe.sample import Sample


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


Ask = Callable[[Asker, Sample], Finding]


@dataclass(frozen=True)
class Question:
    """One question; docs/live.md says why the answer matters.

    Attributes:
        title: the question, in words.
        believed: what the connector relies on.
        ask: finds it out.
    """

    title: str
    believed: str
    ask: Ask


def question(title: str, believed: str) -> Callable[[Ask], Question]:
    """Make a question of the function that asks it."""
    return lambda ask: Question(title, believed, ask)


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
        return Finding(Answer.CONTRADICTS, " ".join([*found, seen]))
    return Finding(Answer.AGREES, seen) if enough else unknown(seen)


def report(about: str, answered: Sequence[tuple[Question, Finding]]) -> Iterator[str]:
    """Yield the lines of the report, in Markdown."""
    counts = Counter(finding.answer for _, finding in answered)
    yield "# What Asana answers"
    yield ""
    yield about
    yield ""
    yield ", ".join(f"**{answer.value}: {counts[answer]}**" for answer in Answer)
    for number, (asked, finding) in enumerate(answered, 1):
        yield ""
        yield f"## {number}. {asked.title}"
        yield ""
        yield f"- Believed: {asked.believed}"
        yield f"- Seen: {finding.seen}"
        yield f"- Finding: **{finding.answer.value}**"
