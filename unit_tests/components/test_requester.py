"""What is sent: path, parameters and headers, filled in from the slice."""

from __future__ import annotations

from typing import Any

import requests_mock

from source_asana.components.pages import AsanaRequester
from source_asana.counts import Counts
from source_asana.http.client import Client
from source_asana.parents.slices import Slice
from unit_tests.given import settings

API = "https://app.asana.com/api/1.0"
OK: dict[str, Any] = {"json": {"data": [{"gid": "1"}]}}


def bound(counts: Counts | None = None, **options: Any) -> AsanaRequester:
    """Return a requester with a client."""
    made = AsanaRequester(name="tasks", config={}, parameters={}, url_base="", **options)
    made.bind(Client(settings()), counts or Counts())
    return made


def slice_of(since: str | None = None, **partition: str) -> Slice:
    return Slice(partition, key="7", since=since)


def test_the_manifests_templates_are_filled_in() -> None:
    counts = Counts()
    requester = bound(
        counts,
        path="/projects/{{ stream_partition.project_gid }}/tasks",
        request_parameters={
            "project": "{{ stream_partition.project_gid }}",
            "modified_since": "{{ stream_interval.since }}",
        },
        request_headers={"Accept": "application/json"},
    )
    with requests_mock.Mocker() as mock:
        mock.get(f"{API}/projects/7/tasks", **OK)
        requester.ask(slice_of(project_gid="7"), {"limit": 100})
        requester.ask(slice_of("2024-01-01", project_gid="7"), {})
        first, second = mock.request_history
    assert first.qs == {"limit": ["100"], "project": ["7"]}
    assert second.qs == {"modified_since": ["2024-01-01"], "project": ["7"]}
    assert first.headers["Accept"] == "application/json"
    assert counts.requests == 2


def test_the_templates_are_jinja() -> None:
    requester = bound(
        path="/projects/{{ stream_partition['project_gid'] }}/tasks",
        request_parameters={"a": "{{ stream_partition.project_gid or 'none' }}"},
        request_headers={"X-A": "{{ stream_partition.project_gid | upper }}"},
    )
    with requests_mock.Mocker() as mock:
        mock.get(f"{API}/projects/7a/tasks", **OK)
        requester.ask(slice_of(project_gid="7a"), {})
        [request] = mock.request_history
    assert request.qs == {"a": ["7a"]}
    assert request.headers["X-A"] == "7A"


def test_a_path_of_the_callers_own_goes_first() -> None:
    requester = bound(path="/portfolios")
    with requests_mock.Mocker() as mock:
        mock.get(f"{API}/portfolios/12", **OK)
        requester.ask(None, {}, "portfolios/12")
        assert len(mock.request_history) == 1
