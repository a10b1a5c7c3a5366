"""One request until it is answered: what is sent, how often, when it is given up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http import rate_limiting
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.attempts import REFUSALS, TRIES, body_of, limit_of, send
from source_asana.http.errors import OffsetExpired, PartitionFailed, Refused, SyncTokenExpired
from source_asana.report import Report
from unit_tests.given import client

API = "https://app.asana.com/api/1.0"
TASKS = f"{API}/tasks"
ME = f"{API}/users/me"
OK: dict[str, Any] = {"json": {"data": [{"gid": "1"}]}}
BROKEN: dict[str, Any] = {"status_code": 500, "json": {"errors": [{"message": "Sorry"}]}}
BUSY: dict[str, Any] = {"status_code": 429, "json": {"errors": [{"message": "Too many"}]}}


class Bench:
    """A client whose time passes in waits only, and a mocked Asana."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        """Build it."""
        self.mock = mock
        self.now = 1000.0
        self.times: list[float] = []
        report = Report()
        self.counts = report.counts("tasks")
        self.client = client(notice=report.once, monotonic=lambda: self.now, sleep=self.sleep)
        mock.get(ME, json={"data": {"gid": "9"}})

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, 1e-6)

    def answers(self, *answers: dict[str, Any]) -> None:
        """Set what the tasks' path says, the last one for ever."""
        self.mock.get(TASKS, list(answers), additional_matcher=self._seen)

    def _seen(self, _: Any) -> bool:
        self.times.append(self.now)
        return True

    def send(self, **params: Any) -> requests.Response:
        """Ask for tasks."""
        return send(self.client, "tasks", counts=self.counts, params=params, headers={"X-Y": "z"})

    def sent(self, url: str = TASKS) -> list[dict[str, list[str]]]:
        """Return the query of each request for that address."""
        return [
            request.qs
            for request in self.mock.request_history
            if request.url.partition("?")[0] == url
        ]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with requests_mock.Mocker() as mock:
        made = Bench(mock)
        monkeypatch.setattr(rate_limiting, "time", SimpleNamespace(sleep=made.sleep))
        yield made


def test_what_is_sent(bench: Bench) -> None:
    bench.answers(OK)
    response = bench.send(limit=100, project="7")
    assert body_of(response) == {"data": [{"gid": "1"}]}
    assert limit_of(response) == 100
    [request] = bench.mock.request_history
    assert request.method == "GET"
    assert request.qs == {"limit": ["100"], "project": ["7"]}
    assert request.headers["Authorization"] == "Bearer the-token"
    assert request.headers["X-Y"] == "z"
    assert request.headers["User-Agent"].startswith("source-asana-complete/")
    timeout: Any = request.timeout
    assert timeout == (10.0, 120.0)


@pytest.mark.parametrize(
    "trouble",
    [
        BROKEN,
        {"status_code": 502, "text": "<html>Bad Gateway</html>"},
        {"status_code": 503},
        {"status_code": 200, "text": '{"data": [{"gid"'},
        {"status_code": 200, "text": ""},
        {"status_code": 200, "json": {"errors": [{"message": "Server Error"}]}},
        {"exc": requests.ConnectionError},
        {"exc": requests.ReadTimeout},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
def test_trouble_is_tried_again(bench: Bench, trouble: dict[str, Any]) -> None:
    bench.answers(*[trouble] * 5, OK)
    assert body_of(bench.send()) == OK["json"]
    assert len(bench.sent()) == 6


def test_waits_double_with_jitter_from_one_second_up_to_fifteen(bench: Bench) -> None:
    bench.answers(*[BROKEN] * 11, OK)
    bench.send()
    waits = [after - before for before, after in pairwise(bench.times)]
    planned = [1, 1, 1, 1.6, 3.2, 6.4, 12.8, 15, 15, 15, 15]
    assert len(waits) == len(planned)
    for wait, plan in zip(waits, planned, strict=True):
        assert max(1.0, 0.75 * plan) <= wait <= 1.25 * plan + 0.1


def test_who_waits_is_woken_when_the_sync_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.attempts.FIRST_BACKOFF_SECONDS", 60.0)
    monkeypatch.setattr("source_asana.http.attempts.LONGEST_BACKOFF_SECONDS", 60.0)
    made = client()
    with requests_mock.Mocker() as mock:
        mock.get(TASKS, **BROKEN)
        over = AirbyteTracedException(message="over")
        threading.Timer(0.5, made.stop.abort, [over]).start()
        began = time.monotonic()
        with pytest.raises(AirbyteTracedException, match="over"):
            send(made, "tasks", counts=Report().counts("tasks"), params={})
    assert time.monotonic() - began < 2


def test_the_log_has_no_line_of_the_clients(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "airbyte")
    bench.answers(*[BROKEN] * 3, BUSY, OK)
    bench.send()
    assert caplog.messages == []


def test_what_alone_fails_is_given_up_after_twelve_tries(bench: Bench) -> None:
    bench.answers(BROKEN)
    with pytest.raises(PartitionFailed) as raised:
        bench.send()
    assert str(raised.value) == "Sorry"
    assert len(bench.sent()) == TRIES
    # Every second time from the fourth on.
    assert len(bench.sent(ME)) == 5


def test_each_try_is_counted(bench: Bench) -> None:
    bench.answers(*[BROKEN] * 4, OK)
    bench.send()
    # After the fourth failure, it asks whether others are answered.
    assert bench.counts.requests == len(bench.sent()) + len(bench.sent(ME)) == 6


def test_a_page_that_is_too_heavy_is_halved_down_to_ten(bench: Bench) -> None:
    bench.answers(BROKEN)
    with pytest.raises(PartitionFailed):
        bench.send(limit=100)
    limits = [int(query["limit"][0]) for query in bench.sent()]
    assert limits == [100] * 4 + [50] * 2 + [25] * 2 + [12] * 2 + [10] * 2


def test_a_halved_page_says_its_size(bench: Bench) -> None:
    bench.answers(*[BROKEN] * 5, OK)
    assert limit_of(bench.send(limit=100)) == 50


def test_an_outage_of_ten_minutes_is_waited_out(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    down: dict[str, Any] = {"status_code": 503, "text": ""}
    bench.mock.get(ME, **down)
    bench.answers(*[down] * 44, OK)
    assert body_of(bench.send()) == OK["json"]
    assert 500 < bench.now - 1000 < 650
    assert [record.message for record in caplog.records] == [
        "Asana does not answer properly (HTTP 503); still trying."
    ]


def test_a_longer_outage_ends_it(bench: Bench) -> None:
    bench.mock.get(ME, exc=requests.ConnectionError)
    bench.answers({"exc": requests.ConnectionError})
    with pytest.raises(AirbyteTracedException) as raised:
        bench.send(limit=100)
    assert raised.value.failure_type is FailureType.transient_error
    assert str(raised.value.message).startswith("Asana could not be reached for too long (no answ")
    assert 600 <= bench.now - 1000 < 650
    assert {query["limit"][0] for query in bench.sent()} == {"100"}


def test_what_alone_fails_for_as_long_as_an_outage_is_none(bench: Bench) -> None:
    def slowly(_: Any, context: Any) -> dict[str, Any]:
        bench.sleep(300)
        context.status_code = 500
        return {"errors": [{"message": "Sorry"}]}

    bench.answers({"json": slowly})
    with pytest.raises(PartitionFailed):
        bench.send()
    assert (len(bench.sent()), len(bench.sent(ME))) == (3, 1)


def test_an_outage_uses_up_no_tries(bench: Bench) -> None:
    back_at = 1400.0
    bench.mock.get(ME, json=lambda _, context: _down_until(bench, back_at, context))
    bench.answers({"status_code": 503, "text": ""})
    with pytest.raises(PartitionFailed):
        bench.send()
    assert bench.now > back_at + 30


def _down_until(bench: Bench, moment: float, context: Any) -> dict[str, Any]:
    context.status_code = 200 if bench.now > moment else 503
    return {"data": {"gid": "9"}}


@pytest.mark.parametrize(("header", "pause"), [({"Retry-After": "30"}, 30), ({}, 2)])
def test_a_rate_limit_is_waited_for(bench: Bench, header: dict[str, str], pause: float) -> None:
    bench.answers({**BUSY, "headers": header}, OK)
    bench.send()
    assert pause <= bench.now - 1000 < pause + 1
    assert len(bench.sent()) == 2


@pytest.mark.parametrize("header", ["soon", "", "inf", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_is_no_number_is_none(bench: Bench, header: str) -> None:
    bench.answers({**BUSY, "headers": {"Retry-After": header}}, OK)
    bench.send()
    assert 2 <= bench.now - 1000 < 3


def test_rate_limits_use_up_no_tries(bench: Bench) -> None:
    busy: dict[str, Any] = {**BUSY, "headers": {"Retry-After": "1"}}
    bench.mock.get(ME, **busy)
    bench.answers(*[busy] * 40, BROKEN, *[busy] * 40, OK)
    assert body_of(bench.send()) == OK["json"]


def test_what_alone_is_refused_is_given_up(bench: Bench) -> None:
    bench.answers({**BUSY, "headers": {"Retry-After": "1"}})
    with pytest.raises(PartitionFailed):
        bench.send()
    assert len(bench.sent()) == REFUSALS


def test_a_cost_limit_makes_pages_smaller(bench: Bench) -> None:
    bench.answers(*[{**BUSY, "headers": {"Retry-After": "1"}}] * 4, OK)
    assert limit_of(bench.send(limit=100)) == 25
    assert bench.client.budget.per_minute == 1500


def test_a_search_has_a_quota_of_its_own(bench: Bench) -> None:
    path = "workspaces/1/tasks/search"
    bench.mock.get(f"{API}/{path}", **OK)
    for _ in range(90):
        send(bench.client, path, counts=bench.counts, params={})
    assert 30 < bench.now - 1000 < 120
    assert len(bench.client.budget._sent) <= 60


def test_nothing_that_waits_for_a_place_is_sent_during_a_pause(bench: Bench) -> None:
    sent: list[float] = []

    def sleep(seconds: float) -> None:
        # Whoever does not wait for the end of the pause is sent now.
        time.sleep(0.05)
        bench.sleep(seconds)

    def answer(_: Any, context: Any) -> dict[str, Any]:
        sent.append(bench.now)
        if len(sent) > 1:
            return {"data": []}
        other.start()
        other.join(0.2)
        context.status_code, context.headers["Retry-After"] = 429, "30"
        return {"errors": [{"message": "Too many"}]}

    one: dict[str, Any] = {"num_workers": 1}
    bench.client = client(further=one, monotonic=lambda: bench.now, sleep=sleep)
    other = threading.Thread(target=bench.send)
    bench.answers({"json": answer})
    bench.send()
    other.join()
    assert [at - sent[0] >= 30 for at in sent] == [False, True, True]


def test_an_ended_sync_sends_nothing(bench: Bench) -> None:
    bench.answers(OK)
    bench.client.stop.abort(AirbyteTracedException(message="over"))
    with pytest.raises(AirbyteTracedException, match="over"):
        bench.send()
    assert bench.mock.request_history == []


def refused(status: int, message: str, **extra: Any) -> dict[str, Any]:
    """Return an answer that refuses."""
    return {"status_code": status, "json": {"errors": [{"message": message}], **extra}}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(403, "You do not have access to this project."), Refused),
        (refused(404, "task: Unknown object: 1"), Refused),
        (refused(402, "Only available to premium users."), Refused),
        (refused(400, "offset: Your pagination token has expired."), OffsetExpired),
        (refused(412, "Sync token invalid or too old.", sync="t"), SyncTokenExpired),
        (refused(400, "Bad"), PartitionFailed),
        (
            {"status_code": 302, "headers": {"Location": "https://evil.example.com/"}},
            PartitionFailed,
        ),
    ],
)
def test_what_is_decided_is_not_tried_again(
    bench: Bench, answer: dict[str, Any], error: type[Exception]
) -> None:
    bench.answers(answer)
    with pytest.raises(error):
        bench.send()
    assert [request.hostname for request in bench.mock.request_history] == ["app.asana.com"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refused(401, "Not Authorized"), "Asana does not accept the token (HTTP 401, "),
        (refused(451, "Blocked"), "Asana refuses for legal reasons (HTTP 451): "),
    ],
)
def test_what_ends_the_sync_ends_it_for_all(
    bench: Bench, answer: dict[str, Any], said: str
) -> None:
    bench.answers(answer)
    with pytest.raises(AirbyteTracedException) as raised:
        bench.send()
    assert raised.value.failure_type is FailureType.config_error
    assert str(raised.value.message).startswith(said)
    assert bench.client.stop.fatal is raised.value
    with pytest.raises(AirbyteTracedException, match=said[:20]):
        bench.send()
    assert len(bench.mock.request_history) == 1


def test_changes_of_the_api_are_said_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    change = "name=string_ids;info=https://example.com;affected=true,name=other;affected=false"
    bench.answers({**OK, "headers": {"Asana-Change": change}})
    bench.send()
    bench.send()
    said = [record.message for record in caplog.records]
    first, second = change.split(",")
    assert said == [
        f"Asana announces a change of its API: {first}",
        f"Asana announces a change of its API: {second}",
    ]


def test_the_servers_clock_is_the_latest_date(bench: Bench) -> None:
    late, early = "Tue, 20 Jan 2026 10:00:05 GMT", "Tue, 20 Jan 2026 10:00:00 GMT"
    bench.answers({**OK, "headers": {"Date": late}}, {**OK, "headers": {"Date": early}})
    assert bench.client.clock.instant() is None
    for _ in range(2):
        bench.send()
        assert bench.client.clock.instant() == 1_768_903_204_000
