"""The walk of a search whose pages are cut before what the token may not see is taken out."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from source_asana.http.clock import from_millis, to_millis
from source_asana.http.errors import PartitionFailed

Asked = list[dict[str, Any]]


def walked(monkeypatch: pytest.MonkeyPatch, visible: str) -> tuple[list[int], Asked]:
    """Walk a search over tasks made a second apart, `-` hidden; return found tasks and requests."""
    asked: Asked = []

    def send(_runtime: Any, _url: str, *, params: dict[str, Any], **_: Any) -> list[Any]:
        asked.append(params)
        after = to_millis(params.get("created_at.after"))
        tasks = [
            {"gid": str(number), "created_at": from_millis(number * 1000), "seen": seen}
            for number, seen in enumerate(visible, start=1)
            if after is None or number * 1000 > after
        ]
        if params["sort_ascending"] == "false":
            tasks.reverse()
        return [task for task in tasks[: params["limit"]] if task["seen"] != "-"]

    monkeypatch.setattr(retriever_search, "send", send)
    monkeypatch.setattr(retriever_search, "body_of", lambda page: {"data": page})
    runtime: Any = SimpleNamespace(room=nullcontext())
    pages = retriever_search.stepped(
        runtime, "url", stream="tasks", params={}, headers={}, too_many=lambda pages: pages > 20
    )
    return [int(task["gid"]) for page in pages for task in page], asked


@pytest.mark.parametrize(("changed", "requests"), [(0, 2), (1, 2), (99, 2), (250, 4)])
def test_where_nothing_is_hidden_the_end_costs_one_request(
    monkeypatch: pytest.MonkeyPatch, changed: int, requests: int
) -> None:
    found, asked = walked(monkeypatch, "x" * changed)
    assert found == list(range(1, changed + 1))
    assert len(asked) == requests


@pytest.mark.parametrize("visible", ["xx--x" * 100, "-" * 60 + "x" * 10 + "-" * 60 + "x" * 50])
def test_hidden_tasks_among_visible_ones_end_no_search(
    monkeypatch: pytest.MonkeyPatch, visible: str
) -> None:
    found, _ = walked(monkeypatch, visible)
    assert found == [number for number, seen in enumerate(visible, start=1) if seen == "x"]


@pytest.mark.parametrize("before", ["", "x", "x" * 100])
def test_pages_of_nothing_but_hidden_tasks_are_not_taken_for_the_end(
    monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    with pytest.raises(PartitionFailed, match="behind"):
        walked(monkeypatch, f"{before}{'-' * 150}x")


def test_hidden_tasks_alone_are_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert walked(monkeypatch, f"x{'-' * 300}")[0] == [1]
