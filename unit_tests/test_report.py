"""What a sync tells its user: every skip once, progress, a summary."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from source_asana.http.errors import Verdict, classify
from source_asana.report import Report
from unit_tests.given import refusal

PLAN = classify(refusal(402, "Only available to premium users."))
ACCESS = classify(refusal(403, "You do not have access to this project."))
SCOPE = classify(refusal(403, "The token lacks the scope tags:read."))
APP = classify(refusal(401, "Your admin has disabled this app."))


@pytest.fixture
def now() -> list[float]:
    """Return the clock, which the test may move."""
    return [1000.0]


@pytest.fixture
def report(now: list[float]) -> Report:
    return Report(monotonic=lambda: now[0])


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what gives the lines logged so far."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("verdict", "place"),
    [(ACCESS, "project 7"), (SCOPE, "all of it"), (APP, "workspace 1")],
    ids=["access", "scope", "app"],
)
def test_a_skip_names_what_it_reaches(
    report: Report, lines: Callable[[], list[str]], verdict: Verdict, place: str
) -> None:
    report.skip("tags", "project 7", verdict, workspace="1")
    [line] = lines()
    assert line == (
        f"Stream tags: skipped {place}. Asana said (HTTP {verdict.status}): "
        f'"{verdict.message}". To read it: {verdict.rule.remedy}.'
    )


def test_the_same_skip_is_said_once_and_counted(
    report: Report, lines: Callable[[], list[str]]
) -> None:
    for number in range(3):
        report.skip("tags", f"project {number}", APP, workspace="1")
    report.skip("tags", "project 9", APP, workspace="2")
    report.skip("users", "project 9", APP, workspace="2")
    assert len(lines()) == 3
    report.close()
    rows = [line.split(" | ") for line in lines() if line.startswith("Skipped | ")]
    assert [(row[1], row[2], row[-1]) for row in rows] == [
        ("tags", "workspace 1", "3 times"),
        ("tags", "workspace 2", APP.rule.remedy),
        ("users", "workspace 2", APP.rule.remedy),
    ]


def test_what_the_plan_lacks_is_one_line_at_the_end(
    report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for stream in ("users", "tags"):
        report.skip(stream, "project 7", PLAN, workspace="1")
    report.not_in_plan("sections")
    assert caplog.records == []
    report.close()
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    texts = [record.getMessage() for record in caplog.records]
    assert texts[1] == (
        "The Asana plan does not include these streams, or parts of them: sections, tags, users. "
        "Upgrade the plan to read them, or deselect them."
    )
    assert [text.split(" | ")[1] for text in texts if text.startswith("Skipped | ")] == [
        "tags",
        "users",
    ]


@pytest.mark.parametrize(
    ("verdict", "covered"),
    [
        (PLAN, {("tags", "1")}),
        (ACCESS, set()),
        (SCOPE, {("tags", "1"), ("tags", "2"), ("tags", None)}),
        (APP, {("tags", "1"), ("users", "1")}),
    ],
    ids=["plan", "access", "scope", "app"],
)
def test_what_a_refusal_covers_is_not_asked_for_again(
    report: Report, verdict: Verdict, covered: set[tuple[str, str | None]]
) -> None:
    report.skip("tags", "project 7", verdict, workspace="1")
    places = [("tags", "1"), ("tags", "2"), ("tags", None), ("users", "1"), ("users", "2")]
    assert {place for place in places if report.closed(*place)} == covered


def test_columns_that_are_left_out_close_nothing(
    report: Report, lines: Callable[[], list[str]]
) -> None:
    report.fields_dropped("tasks", ["custom_fields", "team"], SCOPE)
    assert report.closed("tasks", "1") is None
    assert lines()[0].startswith("Stream tasks: skipped the columns custom_fields, team. ")


def test_a_skip_without_a_workspace_names_the_thing_itself(
    report: Report, lines: Callable[[], list[str]]
) -> None:
    report.skip("organization_exports", "gid 7", APP, workspace=None)
    assert lines()[0].startswith("Stream organization_exports: skipped gid 7. ")


def test_a_line_is_said_once(report: Report, lines: Callable[[], list[str]]) -> None:
    for text in ("A", "B", "A"):
        report.once(logging.INFO, text)
    assert lines() == ["A", "B"]


def test_counts_of_many_threads_are_those_of_one_stream(report: Report) -> None:
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(report.counts("tags"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(counts) for counts in found}) == 1


def test_the_summary(report: Report, now: list[float], lines: Callable[[], list[str]]) -> None:
    tags, tasks = report.counts("tags"), report.counts("tasks")
    tags.records, tags.requests = 3, 1
    tasks.records, tasks.requests = 400, 5
    report.counts("goals")
    tasks.unsaid_failures = 7
    now[0] += 61.44
    report.close()
    assert lines() == [
        "Summary: 403 records with 6 requests in 61.4 s.",
        "Summary of tags: 3 records, 1 requests.",
        "Summary of tasks: 400 records, 5 requests.",
        "Summary of tasks: 7 further partitions failed like those named above.",
    ]


def test_progress_counts_what_is_left(report: Report, now: list[float]) -> None:
    tasks, tags, goals = (report.counts(name) for name in ("tasks", "tags", "goals"))
    tasks.known, tasks.ahead, tasks.done, tasks.records, tasks.requests = 25, 15, 10, 900, 12
    tags.known, tags.done, tags.records, tags.requests = 1, 1, 5, 1
    goals.known = 2
    now[0] += 60
    assert list(report._progress()) == [
        "Progress: 905 records, 13 requests, 13 requests a minute, 2 streams at work.",
        "Progress of goals: 0 records, 0 requests, 0 of 2 known partitions.",
        (
            "Progress of tasks: 900 records, 12 requests, 10 of 40 known partitions, "
            "about 3 min left of what is known."
        ),
    ]


def test_progress_is_said_while_the_sync_runs(
    report: Report, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_asana.report.PROGRESS_SECONDS", 0.01)
    report.counts("tags").known = 1
    report.start()
    until = time.monotonic() + 5
    while not lines() and time.monotonic() < until:
        time.sleep(0.005)
    report.close()
    assert lines()[0].startswith("Progress: 0 records, 0 requests, ")
