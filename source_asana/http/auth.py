"""Holds the token of a process: a fixed one, or one of OAuth that is renewed in time.

An OAuth token is renewed ahead of its end, and on a 401. The CDK's authenticators renew it once it
has expired, by this machine's clock, without a timeout, and for at most five minutes. Their
single-use variant prints the configuration at each renewal, though Asana usually keeps the refresh
token. Source: Asana's page "OAuth".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.config import OAuth, Settings, config_error
from source_asana.http.errors import RULES, Action
from source_asana.http.parsing import parse
from source_asana.http.tries import Tries
from source_asana.masking import mask

# A token is renewed this long before its end, or this share of its life where that is shorter.
EARLY_SECONDS = 300.0
EARLY_SHARE = 0.125
DEFAULT_LIFE_SECONDS = 3600.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 15.0
OUTAGE_SECONDS = 600.0
# Statuses that another try may mend, as those of any other request.
PASSING = frozenset(
    status
    for rule in RULES
    if rule.pattern is None and rule.action in {Action.RETRY, Action.WAIT}
    for status in rule.statuses
)


class TokenAuth:
    """Holds a personal access token or the token of a service account."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """Return the token to send."""
        return self._token

    def renew(self, refused: str) -> bool:
        """Return whether there is a better token than `refused`; for a fixed one there never is."""
        del refused
        return False


@dataclass(eq=False, repr=False)
class OAuthAuth(TokenAuth):
    """Gets access tokens for a refresh token, one at a time for the whole process.

    Attributes:
        credentials: the client and its refresh token.
        url: the token endpoint.
        session, timeout: how requests are sent.
        on_rotation: called with a new refresh token where Asana replaces the old one.
        monotonic, sleep: the process's clock in seconds.
        outage_seconds: how long an outage of the endpoint is waited out.
        given_up: whether the sync was aborted, so that nobody waits any longer.
    """

    credentials: OAuth
    url: str
    session: requests.Session
    timeout: tuple[float, float]
    on_rotation: Callable[[str], None]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    outage_seconds: float = OUTAGE_SECONDS
    given_up: Callable[[], bool] = lambda: False
    _token: str = ""
    _renew_at: float = float("-inf")

    def __post_init__(self) -> None:
        """Begin with the refresh token of the configuration."""
        self._refresh_token = self.credentials.refresh_token
        self._lock = threading.Lock()

    def current(self) -> str:
        """Return an access token that is valid for a while; get a new one where it is not."""
        with self._lock:
            if self.monotonic() >= self._renew_at:
                self._refresh()
            return self._token

    def renew(self, refused: str) -> bool:
        """Replace the token unless another thread has replaced the `refused` one; return True."""
        with self._lock:
            if self._token == refused:
                self._refresh()
            return True

    def _refresh(self) -> None:
        answer, asked_at = self._request()
        token = answer["access_token"]
        mask(token)
        life = float(answer.get("expires_in") or DEFAULT_LIFE_SECONDS)
        self._token = token
        self._renew_at = asked_at + life - min(EARLY_SECONDS, EARLY_SHARE * life)
        rotated = answer.get("refresh_token")
        if rotated and rotated != self._refresh_token:
            mask(rotated)
            self._refresh_token = rotated
            self.on_rotation(rotated)

    def _request(self) -> tuple[Mapping[str, Any], float]:
        """Return the answer and when it was asked for (monotonic seconds); its life began later."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
            "refresh_token": self._refresh_token,
        }
        began = self.monotonic()
        for _ in Tries(self.sleep, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS):
            asked_at = self.monotonic()
            try:
                response = self.session.post(
                    self.url,
                    data=form,
                    timeout=self.timeout,
                    allow_redirects=False,
                    auth=_no_auth,
                )
                body = parse(response.content) if response.content else {}
            except (requests.RequestException, ValueError) as error:
                problem = type(error).__name__
            else:
                if response.ok and isinstance(body, dict) and body.get("access_token"):
                    return body, asked_at
                problem = f"HTTP {response.status_code}"
                if 400 <= response.status_code < 500 and response.status_code not in PASSING:
                    raise config_error(_refusal(body, response.status_code))
            if self.given_up() or self.monotonic() - began >= self.outage_seconds:
                raise AirbyteTracedException(
                    message=(
                        f"Asana's token endpoint could not be reached for too long ({problem}); "
                        "check this machine's network, proxy and firewall, or try again later."
                    ),
                    internal_message=problem,
                    failure_type=FailureType.transient_error,
                )
        raise AssertionError("without a limit, tries do not end")


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _refusal(body: Any, status: int) -> str:
    error = str(body.get("error") or "") if isinstance(body, dict) else ""
    if error == "invalid_client" or (status == 401 and not error):
        return (
            "Asana does not know this OAuth client; correct `credentials.client_id` and "
            "`credentials.client_secret`."
        )
    if error == "invalid_grant":
        return (
            "Asana no longer accepts the refresh token, as it was revoked or is another app's; "
            "authorize the app again and provide the new `credentials.refresh_token`."
        )
    return (
        f"Asana refused to renew the OAuth token ({error or f'HTTP {status}'}); correct "
        "`credentials.client_id`, `credentials.client_secret` and `credentials.refresh_token`, "
        "or authorize the app again."
    )


def authenticator(
    settings: Settings,
    *,
    session: requests.Session,
    timeout: tuple[float, float],
    on_rotation: Callable[[str], None],
    **waits: Any,
) -> TokenAuth:
    """Return the authenticator that the credentials ask for.

    The token endpoint is on the host of `api_url`; `waits` are those of `OAuthAuth`.
    """
    credentials = settings.credentials
    if not isinstance(credentials, OAuth):
        return TokenAuth(credentials.personal_access_token)
    parts = urlsplit(settings.api_url)
    return OAuthAuth(
        credentials,
        url=f"{parts.scheme}://{parts.netloc}/-/oauth_token",
        session=session,
        timeout=timeout,
        on_rotation=on_rotation,
        **waits,
    )
