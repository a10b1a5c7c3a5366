"""Colours for the lines of the demo, where a terminal shows them.

A pipe or a file gets plain text, and so does a terminal with NO_COLOR set or without colours;
FORCE_COLOR asks for colours anywhere.
"""

import os
import re
import sys

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"
RULES: tuple[tuple[str, str], ...] = (
    (r"^WRONG\b.*$", RED),
    (r"^(?:Everything that|every request) .*$", GREEN),
    (r"^(?:check|discover|estimate|reading|sync \d|edits|deletions|tombstone)(?=  )", CYAN),
    (r"(?<=  )SUCCEEDED\b", GREEN),
    (r"^(?:all|(?:complete|stopped) sync)(?=  )", BOLD),
    (r"^(?:stream  |  +──).*$", BOLD),
    (r"^What to do next$", BOLD),
    (r"(?:refused: .*|not complete|, stopped)$", YELLOW),
    (r"^ +A sync with this token would skip .*$", YELLOW),
    (r"^ +Progress: .*$", DIM),
    # Rows of the table: what is not there should not catch the eye.
    (r"(?<=  )0(?=  |$)", DIM),
)
"""Expression -> the code of ECMA-48 for what it matches."""


def is_live() -> bool:
    """Return whether somebody watches the standard output, on a terminal that can redraw a line."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def has_colours() -> bool:
    """Return whether the standard output is to be coloured."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_live()


def painted(text: str) -> str:
    """Return a line with its colours, or as it is where there are none."""
    if not has_colours():
        return text
    for pattern, code in RULES:
        text = re.sub(pattern, lambda found, code=code: f"\x1b[{code}m{found[0]}\x1b[0m", text)  # type: ignore[misc]  # of re.sub
    return text
