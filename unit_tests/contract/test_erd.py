"""The diagrams of `docs/erd.md`: small enough to read, with the right parents."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from source_asana import SourceAsana

PAGE = (Path(__file__).parents[2] / "docs" / "erd.md").read_text("utf-8")
MOST_BOXES, MOST_LINES = 13, 16
DIAGRAMS = re.findall(r"```mermaid\nerDiagram\n    direction \w+\n(.*?)```", PAGE, re.DOTALL)
LINE = re.compile(r'^    (\w+) [|}][|o]--[|o]\{ (\w+) : "([\w, ]+)"$', re.MULTILINE)
BOX = re.compile(r"^    (\w+) \{$", re.MULTILINE)


def parents(stream: str, column: str) -> set[str]:
    """Return the streams that lines lead to a column of a stream from."""
    return {
        parent
        for diagram in DIAGRAMS
        for parent, child, columns in LINE.findall(diagram)
        if child == stream and column in columns.split(", ")
    }


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=range(len(DIAGRAMS)))
def test_a_diagram_can_be_read(diagram: str) -> None:
    lines = LINE.findall(diagram)
    boxes = {*BOX.findall(diagram), *(name for line in lines for name in line[:2])}
    assert 0 < len(lines) <= MOST_LINES
    assert len(boxes) <= MOST_BOXES


def test_each_stream_is_described_once() -> None:
    found = Counter(name for diagram in DIAGRAMS for name in BOX.findall(diagram))
    streams = [stream["name"] for stream in SourceAsana().resolved_manifest["streams"]]
    assert found == Counter(streams)


@pytest.mark.parametrize(
    ("stream", "column", "wanted"),
    [
        ("team_custom_field_settings", "parent", "teams"),
        ("project_status_updates", "parent", "projects"),
        ("portfolio_status_updates", "parent", "portfolios"),
        ("portfolio_custom_field_settings", "parent", "portfolios"),
        ("goal_status_updates", "parent", "goals"),
        ("goal_custom_field_settings", "parent", "goals"),
        ("goal_stories", "target", "goals"),
        ("time_periods", "parent", "time_periods"),
        ("tasks", "parent", "tasks subtasks"),
        ("subtasks", "task_id", "tasks subtasks"),
        ("stories", "task_id", "tasks subtasks"),
        ("attachments", "parent_id", "tasks subtasks projects project_briefs"),
        ("attachments", "parent", "tasks subtasks projects project_briefs"),
        ("events", "parent", ""),
    ],
)
def test_parents_are_the_right_ones(stream: str, column: str, wanted: str) -> None:
    assert parents(stream, column) == set(wanted.split())
