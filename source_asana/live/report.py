"""The report in Markdown: it names streams, fields and numbers, and nothing of the workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from source_asana.http.client import connector_version
from source_asana.live.asker import MOST_REQUESTS
from source_asana.live.question import Answer, Finding, Question

Answered = tuple[Question, Finding]


@dataclass(frozen=True)
class Circumstances:
    """What the findings depend on.

    Attributes:
        day: of Asana's clock.
        requests: how many were sent.
        workspace: what stands for its gid.
        organization: whether it is one.
        projects, tasks: how many were looked at.
    """

    day: str
    requests: int
    workspace: str
    organization: bool
    projects: int
    tasks: int


def markdown(answered: Sequence[Answered], about: Circumstances) -> str:
    """Return the whole report."""
    return "\n".join(_lines(answered, about)) + "\n"


def contradicted(answered: Sequence[Answered]) -> int:
    """Return how many findings contradict what is believed."""
    return sum(finding.answer is Answer.CONTRADICTS for _, finding in answered)


def _lines(answered: Sequence[Answered], about: Circumstances) -> Iterator[str]:
    counts = Counter(finding.answer for _, finding in answered)
    kind = "an organization" if about.organization else "a workspace"
    yield "# What Asana answers"
    yield ""
    yield (
        f"source-asana {connector_version()}, {about.day}. {about.requests} GETs of at most "
        f"{MOST_REQUESTS}; nothing was written. Looked at: {kind} ({about.workspace}); "
        f"projects: {about.projects}, tasks: {about.tasks}. It holds no names, "
        "texts or ids; what begins with # stands for an id and is meaningless without the token."
    )
    yield ""
    yield ", ".join(f"**{answer.value}: {counts[answer]}**" for answer in Answer)
    yield ""
    yield "| | Question | Finding |"
    yield "| --- | --- | --- |"
    for number, (question, finding) in enumerate(answered, 1):
        yield f"| {number} | {question.title} | {_shown(finding)} |"
    for number, (question, finding) in enumerate(answered, 1):
        yield ""
        yield f"## {number}. {question.title}"
        yield ""
        yield f"- Believed: {question.believed}"
        yield f"- Asked: {question.asked}"
        yield f"- Seen: {finding.seen}"
        yield f"- Finding: {_shown(finding)}"


def _shown(finding: Finding) -> str:
    text = finding.answer.value
    return f"**{text}**" if finding.answer is Answer.CONTRADICTS else text
