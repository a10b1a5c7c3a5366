"""Runs the probe against a sandbox, and looks for what its report must not hold."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox import Sandbox
from tools.probe.__main__ import QUESTIONS, probe

SPEED = 50.0
FINDING = re.compile(
    r"^## \d+\. (?P<title>.+)\n\n- Believed: .+\n- Seen: (?P<seen>.+)\n"
    r"- Finding: \*\*(?P<finding>.+)\*\*$",
    re.MULTILINE,
)


@dataclass
class Probed:
    """A report, taken apart.

    Attributes:
        text: the whole of it.
        contradictions: their number, as the command counts them.
        findings: title -> finding.
        seen: title -> what was seen.
    """

    text: str
    contradictions: int
    findings: dict[str, str]
    seen: dict[str, str]

    @property
    def contradicted(self) -> set[str]:
        """The titles of the questions with a contradiction."""
        return {title for title, found in self.findings.items() if found == "contradicts"}


def probed(asana: Sandbox, edit: Callable[[], object] | None = None, **settings: Any) -> Probed:
    """Ask everything; the waits of the client pass quickly.

    Args:
        asana: what is asked.
        edit: called when the probe waits for changes.
        settings: of the configuration.
    """

    def sleep(seconds: float) -> None:
        if edit and seconds == 60 * MINUTES:
            edit()
        elif seconds < 60:
            time.sleep(seconds / SPEED)

    credentials = {"personal_access_token": asana.token}
    text, number = probe(
        {"credentials": credentials, "api_url": asana.url, **settings},
        MINUTES if edit else 0,
        sleep=sleep,
        monotonic=lambda: time.monotonic() * SPEED,
    )
    parts = list(FINDING.finditer(text))
    assert [part["title"] for part in parts] == [question.title for question in QUESTIONS]
    return Probed(
        text,
        number,
        {part["title"]: part["finding"] for part in parts},
        {part["title"]: part["seen"] for part in parts},
    )


MINUTES = 7
SHORTEST = 2
PERSONAL = re.compile(r"name|text|title|notes|email|url|gid|html|description")


def private(asana: Sandbox) -> set[str]:
    """Return every name, text, address and gid in the world, and the token."""
    found = {asana.token}
    for gid, obj in asana.world.objects.items():
        found.add(gid)
        found.update(_texts(obj))
    # Counts and flags are no secrets.
    return {text for text in found if len(text) > SHORTEST}


def _texts(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, key)
    elif isinstance(value, str) and value and PERSONAL.search(key):
        yield value


def leaks(asana: Sandbox, report: str) -> set[str]:
    """Return what the report holds of it."""
    return {text for text in private(asana) if text in report}
