"""What a sync tells its user: every skip once, progress, a summary."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from source_asana.http.errors import Verdict
from source_asana.report import Report
from unit_tests.given import answer, refusal, verdict

PLAN = verdict(refusal(402, "Only available to premium users."))
ACCESS = verdict(refusal(403, "You do not have access to this project."))
SCOPE = verdict(refusal(403, "The token lacks the scope tags:read."))
APP = verdict(refusal(401, "Your admin has disabled this app."))


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
    assert len(lines()) == 2
    report.close()
    assert lines()[2:] == [
        "Skipped 2 places for one reason, app disabled: tags (workspace 1, workspace 2)."
    ]
    assert [(skip.stream, skip.place, skip.times) for skip in report.skips] == [
        ("tags", "workspace 1", 3),
        ("tags", "workspace 2", 1),
        ("users", "workspace 2", 1),
    ]


def test_what_the_plan_lacks_is_one_line_at_the_end(
    report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for stream in ("users", "tags"):
        report.skip(stream, "project 7", PLAN, workspace="1")
    report.parents_missing("sections", ["tags"])
    report.parents_missing("attachments", ["sections"])
    assert caplog.records == []
    report.close()
    [line] = caplog.records
    assert line.levelno == logging.INFO
    assert line.getMessage() == (
        "The Asana plan does not include these streams, or parts of them: attachments, sections, "
        "tags, users. Upgrade the plan to read them, or deselect them."
    )


def test_what_the_last_sync_has_reported_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first, second = Report(), Report()
    for report in (first, second):
        report.readers = {"goals": frozenset({"goal_stories"})}
        for stream, told in (("tags", ACCESS), ("goals", PLAN), ("users", SCOPE)):
            report.skip(stream, "project 7", told, workspace="1")
        if report is first:
            assert len(caplog.records) == 2
            for stream in ("tags", "goal_stories"):
                second.remember(first.digests(stream))
            caplog.clear()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["Stream users"]
    caplog.clear()
    second.close()
    [line] = caplog.records
    assert line.levelno == logging.INFO
    assert line.getMessage() == (
        "Asana refuses the same as in the last sync: plan (goals); no access (tags)."
    )


def test_failures_are_one_error_for_each_cause(caplog: pytest.LogCaptureFixture) -> None:
    report = Report()
    for number in range(12):
        report.fail("tasks", f"project {number}", verdict(answer(500, {})))
    report.fail("stories", "task 7", verdict(answer(500, {})))
    report.fail("tags", "workspace 1", verdict(refusal(400, "Result too large")))
    assert caplog.records == []
    report.close()
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    said = [record.getMessage() for record in caplog.records]
    places = ", ".join(f"project {number}" for number in range(10))
    assert said[0].startswith('13 partitions could not be read (HTTP 500, "HTTP 500"): ')
    assert f"tasks ({places} and 2 more); stories (task 7). Everything else is read" in said[0]
    assert said[1].startswith('1 partition could not be read (HTTP 400, "Result too large"): ')


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


def test_a_stream_says_at_its_end_what_it_sent(
    report: Report, lines: Callable[[], list[str]]
) -> None:
    tags, tasks = report.counts("tags"), report.counts("tasks")
    tags.new = tags.requests = 1
    tasks.new, tasks.changed, tasks.changed_silently, tasks.deleted = 3, 2, 1, 1
    tasks.requests, tasks.waiting, tasks.known, tasks.refused, tasks.failed = 5, 4, 9, 1, 2
    for name in ("tags", "goals", "users"):
        report.ended(name, "COMPLETE")
    report.ended("tasks", "INCOMPLETE")
    report.close()
    assert lines() == [
        "Stream tags: 1 record (1 new), 1 request.",
        (
            "Stream tasks: 7 records (3 new, 2 changed, 1 changed without a timestamp, 1 deleted), "
            "5 requests, 4 await confirmation, 1 of 9 partitions refused, 2 of 9 partitions "
            "failed, not complete."
        ),
        "Nothing to send in 2 streams: goals, users.",
    ]


def test_progress_counts_what_is_left(report: Report, now: list[float]) -> None:
    tasks, tags, goals = (report.counts(name) for name in ("tasks", "tags", "goals"))
    tasks.known, tasks.ahead, tasks.done, tasks.new, tasks.requests = 25, 15, 10, 900, 12
    tags.known, tags.done, tags.new, tags.requests = 1, 1, 5, 1
    goals.known = 2
    now[0] += 60
    assert report._progress() == (
        "Progress: 905 records, 13 requests, 13 a minute. At work: "
        "tasks (10 of 40 known partitions, about 3 min left); goals (0 of 2 known partitions)."
    )


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
