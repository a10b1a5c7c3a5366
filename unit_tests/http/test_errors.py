"""The error table: real bodies of every kind, and what each means."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from source_asana.http.errors import RULES, Action, Reach, classify, message_of
from unit_tests.given import answer, refusal

TABLE: tuple[tuple[int, str, Action, str, Reach], ...] = (
    (
        400,
        "offset: Your pagination token has expired.",
        Action.RESTART,
        "offset expired",
        Reach.PARTITION,
    ),
    (
        400,
        "offset: Your pagination token is invalid.",
        Action.RESTART,
        "offset expired",
        Reach.PARTITION,
    ),
    (
        400,
        "The result is too large. You should use pagination (may require specifying a workspace)!",
        Action.FAIL,
        "too large",
        Reach.PARTITION,
    ),
    (400, "The results were truncated.", Action.FAIL, "truncated", Reach.PARTITION),
    (
        400,
        "project: Not a recognized ID: abc",
        Action.FAIL,
        "bad request",
        Reach.PARTITION,
    ),
    (
        400,
        "Must specify exactly one of project, tag, section, or assignee + workspace",
        Action.FAIL,
        "bad request",
        Reach.PARTITION,
    ),
    (
        400,
        "Sync token invalid or too old. You must fetch the full dataset for this query now.",
        Action.NEW_SYNC_TOKEN,
        "sync token",
        Reach.PARTITION,
    ),
    (401, "Not Authorized", Action.REAUTHENTICATE, "token refused", Reach.PARTITION),
    (
        401,
        "The bearer token has expired. If you have a refresh token, please use it.",
        Action.REAUTHENTICATE,
        "token refused",
        Reach.PARTITION,
    ),
    (
        401,
        "Your workspace administrator has disabled this app.",
        Action.SKIP,
        "app disabled",
        Reach.WHOLE_WORKSPACE,
    ),
    (402, "Search is only available to premium users.", Action.SKIP, "plan", Reach.WORKSPACE),
    (
        402,
        "Custom Fields are not available for free users or guests.",
        Action.SKIP,
        "plan",
        Reach.WORKSPACE,
    ),
    (402, "Whatever", Action.SKIP, "plan", Reach.WORKSPACE),
    (403, "You do not have access to this project.", Action.SKIP, "no access", Reach.PARTITION),
    (403, "Forbidden", Action.SKIP, "no access", Reach.PARTITION),
    (
        403,
        "Custom Field Settings are not available for free users.",
        Action.SKIP,
        "plan",
        Reach.WORKSPACE,
    ),
    (
        403,
        "This is only available to Enterprise customers.",
        Action.SKIP,
        "plan",
        Reach.WORKSPACE,
    ),
    (
        403,
        "Your token is missing the scope tasks:read.",
        Action.SKIP,
        "scope",
        Reach.STREAM,
    ),
    (
        403,
        "only_service_account_can_access",
        Action.SKIP,
        "service account",
        Reach.WORKSPACE,
    ),
    (404, "task: Unknown object: 12", Action.SKIP, "deleted", Reach.PARTITION),
    (404, "No matching route for request", Action.SKIP, "no such endpoint", Reach.STREAM),
    (412, "Sync token invalid or too old.", Action.NEW_SYNC_TOKEN, "sync token", Reach.PARTITION),
    (424, "You have made too many requests recently.", Action.WAIT, "rate limit", Reach.PARTITION),
    (429, "You have made too many requests recently.", Action.WAIT, "rate limit", Reach.PARTITION),
    (
        451,
        "This request was blocked for legal reasons.",
        Action.ABORT,
        "legal block",
        Reach.PARTITION,
    ),
    (
        400,
        "Portfolios are not available for your plan, please upgrade.",
        Action.SKIP,
        "plan",
        Reach.WORKSPACE,
    ),
    (400, "project: Missing input", Action.SKIP, "other parameters", Reach.PARTITION),
    (409, "Conflict", Action.RETRY, "try again", Reach.PARTITION),
    (412, "Precondition Failed", Action.NEW_SYNC_TOKEN, "sync token", Reach.PARTITION),
    (500, "Server Error", Action.RETRY, "server error", Reach.PARTITION),
    (501, "Bad Gateway", Action.RETRY, "server error", Reach.PARTITION),
    (503, "Service Unavailable", Action.RETRY, "server error", Reach.PARTITION),
    (418, "I am a teapot", Action.FAIL, "unexpected answer", Reach.PARTITION),
    (520, "Web server returns an unknown error", Action.RETRY, "server error", Reach.PARTITION),
)


@pytest.mark.parametrize(
    ("status", "message", "action", "reason", "reach"),
    TABLE,
    ids=[f"{row[0]}-{row[3]}-{number}" for number, row in enumerate(TABLE)],
)
def test_status_and_words_decide(
    status: int, message: str, action: Action, reason: str, reach: Reach
) -> None:
    verdict = classify(refusal(status, message))
    assert verdict.rule.action is action
    assert verdict.rule.reason == reason
    assert verdict.rule.reach is reach
    assert verdict.status == status
    assert verdict.message == message


def test_every_row_of_the_table_is_reached_by_a_body() -> None:
    reached = {id(classify(refusal(status, message)).rule) for status, message, *_ in TABLE}
    assert [rule for rule in RULES if id(rule) not in reached] == []


def test_every_skip_and_abort_says_what_to_do() -> None:
    assert [
        rule for rule in RULES if rule.action in {Action.SKIP, Action.ABORT} and not rule.remedy
    ] == []


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (answer(200, b""), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, b'{"data": [{"gid": "1"'), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, b"<html></html>"), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, []), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, None), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, {}), "HTTP 200 without data"),
        (answer(200, {"data": "tasks"}), "HTTP 200 without data"),
        (answer(200, {"data": 7}), "HTTP 200 without data"),
        (answer(204, b""), "HTTP 204 with a body that is not complete JSON"),
        (answer(502, b"<html>Bad Gateway</html>", "Bad Gateway"), "HTTP 502 Bad Gateway"),
        (answer(503, b"", "Service Unavailable"), "HTTP 503 Service Unavailable"),
        (answer(403, b"", "Forbidden"), "HTTP 403 Forbidden"),
        (answer(404, b"<html>Not here</html>", "Not Found"), "HTTP 404 Not Found"),
        (answer(402, {}, "Payment Required"), "HTTP 402 Payment Required"),
        (answer(400, {"errors": []}), "HTTP 400"),
        (answer(200, {"data": [None]}), "HTTP 200 without data"),
        (answer(200, {"data": [{"gid": "1"}, "2"]}), "HTTP 200 without data"),
        (answer(200, {"data": [{"gid": None}]}), "HTTP 200 without data"),
        (answer(200, {"data": {"gid": 1}}), "HTTP 200 without data"),
        (answer(200, {"data": [], "next_page": "abc"}), "HTTP 200 without data"),
        (answer(200, {"errors": [{"message": "Server Error"}]}), "Server Error"),
        (answer(200, {"data": [], "errors": [{"message": "Server Error"}]}), "Server Error"),
    ],
)
def test_what_cannot_be_trusted_is_tried_again(response: requests.Response, message: str) -> None:
    verdict = classify(response)
    assert verdict.rule.action is Action.RETRY
    assert verdict.message == message


@pytest.mark.parametrize("data", [[], {}, [{"gid": "1"}], {"gid": "1"}, None])
def test_data_is_success(data: Any) -> None:
    verdict = classify(answer(200, {"data": data}))
    assert verdict.rule.action is Action.SUCCESS
    assert verdict.body == {"data": data}


@pytest.mark.parametrize("data", [{}, {"gid": "1"}, None])
def test_no_list_is_no_answer_to_who_asked_for_one(data: Any) -> None:
    verdict = classify(answer(200, {"data": data}), is_list=True)
    assert verdict.rule.action is Action.RETRY
    assert verdict.message == "HTTP 200 without data"


def test_an_error_in_a_200_counts_like_its_status() -> None:
    words = "Search is only available to premium users."
    assert classify(refusal(200, words)).rule.action is Action.SKIP
    expired = "offset: Your pagination token has expired."
    assert classify(refusal(200, expired)).rule.action is Action.RESTART


@pytest.mark.parametrize("status", [400, 412])
def test_any_error_with_a_sync_token_is_one(status: int) -> None:
    verdict = classify(refusal(status, "Too old", sync="abc"))
    assert verdict.rule.action is Action.NEW_SYNC_TOKEN
    assert verdict.body["sync"] == "abc"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    verdict = classify(answer(status, b""))
    assert verdict.rule.action is Action.FAIL
    assert "api_url" in verdict.rule.remedy


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"errors": [{"message": "A"}, {"message": "B"}]}, "A; B"),
        ({"errors": [{"message": "A", "phrase": "6 sad squid"}]}, "A (6 sad squid)"),
        ({"errors": [{"message": "A", "error": "code"}]}, "A (code)"),
        ({"errors": [{"help": "H"}]}, ""),
        ({"errors": "A"}, ""),
        ({"errors": ["A", None, {"message": "B"}]}, "B"),
        ({"message": "A"}, ""),
        ([], ""),
        (None, ""),
        ("A", ""),
    ],
)
def test_message_of(body: Any, message: str) -> None:
    assert message_of(body) == message
