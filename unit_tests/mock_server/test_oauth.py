"""OAuth: one refresh per expiry for the whole process, rotation kept, refusals explained.

The sandbox's time passes as fast as the connector's here, so that its tokens age with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Clock, OAuthApp, Sandbox
from unit_tests.conftest import SPEED, quicken
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Record, Sync, catalog, command, read

NAMES = ("tasks", "subtasks", "stories", "sections", "projects")


class FastClock(Clock):
    """Seconds that pass fifty times as fast as real ones, from now on."""

    def now(self) -> float:
        """Return seconds since 1970."""
        began = _BEGAN
        return began + (time.time() - began) * SPEED + self.skew


_BEGAN = time.time()


@pytest.fixture
def asana() -> Iterator[Sandbox]:
    world = Small().world
    world.clock = FastClock()
    with Sandbox(world) as sandbox:
        yield sandbox


@pytest.fixture
def refreshes(asana: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Return the forms of all refreshes so far; it grows."""
    forms: list[dict[str, str]] = []
    refresh = asana.api.auth.refresh

    def note(form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        forms.append(form)
        return refresh(form)

    monkeypatch.setattr(asana.api.auth, "refresh", note)
    return forms


def credentials(app: OAuthApp) -> Record:
    return {
        "option_title": "OAuth Credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": app.refresh_token,
    }


def statuses(asana: Sandbox) -> set[int]:
    return {entry.status for entry in asana.log}


def controls(printed: str) -> list[Record]:
    """Return the configurations handed to the platform."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [
        line["control"]["connectorConfig"]["config"] for line in lines if line["type"] == "CONTROL"
    ]


def quiet(sync: Sync, *secrets: str) -> None:
    """Assert that no message holds a secret."""
    assert [secret for secret in secrets if secret in sync.text] == []


def test_one_refresh_serves_all_streams(
    asana: Sandbox, refreshes: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    app = asana.add_oauth_app(life_seconds=100_000)
    sync = read(asana, NAMES, credentials=credentials(app))
    assert sync.errors == []
    expect.whole(asana, sync, NAMES)
    assert refreshes == [
        {
            "grant_type": "refresh_token",
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "refresh_token": app.refresh_token,
        }
    ]
    assert statuses(asana) == {200}
    assert {entry.token for entry in asana.log} == set(app.access_tokens)
    assert controls(capsys.readouterr().out) == []
    quiet(sync, app.client_secret, app.refresh_token, *app.access_tokens)


def test_tokens_are_renewed_ahead_of_their_end(
    asana: Sandbox, refreshes: list[dict[str, str]]
) -> None:
    asana.server.latency_seconds = 0.08
    app = asana.add_oauth_app(life_seconds=40)
    sync = read(asana, NAMES, credentials=credentials(app), num_workers=1)
    assert sync.errors == []
    expect.whole(asana, sync, NAMES)
    assert statuses(asana) == {200}, "no request was sent with a token that had ended"
    assert len(refreshes) == len(app.access_tokens) > 1
    took = (asana.log[-1].time - asana.log[0].time) / 35
    assert len(refreshes) <= took + 2


def test_an_early_end_is_mended_by_one_refresh(
    asana: Sandbox, refreshes: list[dict[str, str]]
) -> None:
    asana.server.latency_seconds = 0.02
    app = asana.add_oauth_app(life_seconds=100_000)
    ended: list[str] = []

    def end(path: str, params: dict[str, str]) -> None:
        del params
        if path.endswith("/stories") and not ended:
            ended.append(path)
            asana.expire_access_tokens()

    asana.before_request(end)
    sync = read(asana, NAMES, credentials=credentials(app), num_workers=8)
    assert ended
    assert sync.errors == []
    expect.whole(asana, sync, NAMES)
    assert len(refreshes) == 2
    assert 401 in statuses(asana)


def test_a_rotated_refresh_token_is_used_and_handed_to_the_platform(
    asana: Sandbox, refreshes: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    asana.server.latency_seconds = 0.08
    app = asana.add_oauth_app(life_seconds=40, rotates=True)
    first = app.refresh_token
    given = credentials(app)
    # The platform checks what it stores by the spec, which takes neither texts nor nulls here.
    sync = read(asana, NAMES, credentials=given, num_workers="1", start_date=None)
    assert sync.errors == []
    expect.whole(asana, sync, NAMES)
    sent = [form["refresh_token"] for form in refreshes]
    assert sent[0] == first
    assert len(sent) == len(set(sent)) > 1
    handed = controls(capsys.readouterr().out)
    assert len(handed) == len(refreshes)
    assert handed[-1] == {
        "credentials": {**given, "refresh_token": app.refresh_token},
        "api_url": asana.url,
        "num_workers": 1,
    }
    assert [config["credentials"]["refresh_token"] for config in handed[:-1]] == sent[1:]
    quiet(sync, first, app.refresh_token, app.client_secret, *app.access_tokens)


def test_an_unknown_client(asana: Sandbox) -> None:
    app = asana.add_oauth_app()
    wrong = {**credentials(app), "client_secret": "0123456789abcdef"}
    sync = read(asana, NAMES, credentials=wrong)
    assert sync.mistake == (
        "Asana does not know this OAuth client; correct `credentials.client_id` and "
        "`credentials.client_secret`."
    )
    assert asana.log == []
    quiet(sync, "0123456789abcdef", app.refresh_token)


@pytest.mark.parametrize("command_name", ["check", "read"])
def test_a_revoked_refresh_token(asana: Sandbox, command_name: str) -> None:
    app = asana.add_oauth_app()
    app.revoked = True
    config = {"credentials": credentials(app), "api_url": asana.url}
    sync = command(
        command_name, config, catalog=catalog(["tags"]) if command_name == "read" else None
    )
    said = sync.connection["message"] if sync.connection else sync.mistake
    assert said == (
        "Asana no longer accepts the refresh token, as it was revoked or is another app's; "
        "authorize the app again and provide the new `credentials.refresh_token`."
    )
    quiet(sync, app.client_secret, app.refresh_token)


def test_a_revocation_in_the_middle_ends_the_sync(asana: Sandbox) -> None:
    app = asana.add_oauth_app(life_seconds=100_000)

    def revoke(path: str, params: dict[str, str]) -> None:
        del params
        if path.endswith("/stories") and not app.revoked:
            app.revoked = True
            asana.expire_access_tokens()

    asana.before_request(revoke)
    sync = read(asana, NAMES, credentials=credentials(app), incremental=True)
    assert "no longer accepts the refresh token" in sync.mistake
    assert sync.statuses["stories"][-1] == "INCOMPLETE"
    assert sync.records["projects"]


def test_a_fresh_token_that_is_refused_is_no_loop(
    asana: Sandbox, refreshes: list[dict[str, str]]
) -> None:
    app = asana.add_oauth_app()
    asana.fault("status", times=None, status=401, message="Not Authorized")
    sync = read(asana, NAMES, credentials=credentials(app))
    assert sync.mistake.startswith("Asana does not accept the token (HTTP 401, ")
    assert len(refreshes) == 2


@pytest.mark.parametrize("status", [503, 429])
def test_a_token_endpoint_that_fails_for_minutes_is_sat_out(
    asana: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    quicken(monkeypatch, 200)
    app = asana.add_oauth_app()
    answers = [(status, {"error": "server_error"})] * 15
    refresh = asana.api.auth.refresh
    monkeypatch.setattr(
        asana.api.auth, "refresh", lambda form: answers.pop() if answers else refresh(form)
    )
    sync = read(asana, ["tags"], credentials=credentials(app))
    assert sync.errors == []
    assert answers == []
    expect.whole(asana, sync, ["tags"])


def test_a_token_endpoint_that_is_down_is_no_mistake_of_the_user(
    asana: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, 500)
    app = asana.add_oauth_app()
    monkeypatch.setattr(asana.api.auth, "refresh", lambda _: (503, {"error": "down"}))
    sync = read(asana, ["tags"], credentials=credentials(app))
    [error] = sync.errors
    assert error["failure_type"] == "transient_error"
    assert error["message"] == (
        "Asana's token endpoint could not be reached for too long (HTTP 503); check this "
        "machine's network, proxy and firewall, or try again later."
    )


def test_a_check_names_the_scopes_that_are_missing(asana: Sandbox) -> None:
    app = asana.add_oauth_app(scopes={"workspaces:read", "users:read", "tasks:read"})
    config = {"credentials": credentials(app), "api_url": asana.url}
    sync = command("check", config)
    assert (sync.connection or {}).get("status") == "SUCCEEDED"
    said = [line for line in sync.logs if line.startswith("The OAuth app does not have the scope ")]
    assert (
        "The OAuth app does not have the scope stories:read: a sync would skip goal_stories, "
        "stories. To read it: grant the OAuth app the scope, use a full-permission app or a "
        "personal access token, or deselect the stream."
    ) in said
    [listed] = [line for line in sync.logs if line.startswith("A sync with this token would skip")]
    assert "goal_stories" in listed
    assert " tasks," not in listed
    assert not [line for line in said if "tasks:read" in line and "task_" not in line]
    quiet(sync, app.client_secret, app.refresh_token)


def test_a_token_that_holds_the_clients_id_is_masked_whole(asana: Sandbox) -> None:
    app = asana.add_oauth_app()
    tail = "0123456789abcdef"
    app.refresh_token = f"2/1209876543210987/{app.client_id}:{tail}"
    words = f"Not with {app.refresh_token}"
    asana.fault("status", "/tags", times=None, status=403, message=words)
    asana.fault("status", "/users", times=None, status=400, message=words)
    sync = read(asana, ["tags", "users"], credentials=credentials(app))
    assert "Not with ****" in sync.text
    quiet(sync, tail, app.client_id)
