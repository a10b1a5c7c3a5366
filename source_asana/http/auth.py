"""The manifest's authenticator: a token as it is, or one of OAuth that is renewed in time.

`authenticator` builds it once, for all streams, as their tokens count against one refresh token.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests
from airbyte_cdk.config_observation import emit_configuration_as_airbyte_control_message
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.auth.declarative_authenticator import (
    DeclarativeAuthenticator,
    NoAuth,
)
from airbyte_cdk.sources.declarative.auth.oauth import (
    DeclarativeSingleUseRefreshTokenOauth2Authenticator,
)
from airbyte_cdk.sources.declarative.interpolation import InterpolatedString
from airbyte_cdk.sources.declarative.models import SelectiveAuthenticator
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import (
    ModelToComponentFactory,
)
from airbyte_cdk.sources.streams.http.error_handlers import ErrorHandler, ResponseAction
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana.http.client import Client
from source_asana.http.tries import Tries, outage
from source_asana.masking import mask

# A token is renewed this long before its end, or this share of its life where that is shorter.
EARLY_SECONDS = 300.0
EARLY_SHARE = 0.125
DEFAULT_LIFE_SECONDS = 3600.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 15.0


class AsanaOAuth(DeclarativeSingleUseRefreshTokenOauth2Authenticator):
    """The CDK's authenticator, with a token that is renewed before its end.

    The CDK's own renews a token once it has expired, without a timeout, tries for five minutes
    whoever waits, and prints the configuration at each renewal, though Asana usually keeps the
    refresh token. It would store the access token in the configuration, where the spec declares no
    secret of that name. Source: Asana's page "OAuth".

    Attributes:
        config: the configuration, which a new refresh token is written into.
        token_refresh_endpoint: its URL, a template.
        error_handler: tells a refusal from trouble that passes.
        client: the session, the clock and the stop of the sync.
        on_rotation: takes the configuration after Asana has replaced the refresh token.
    """

    config: Mapping[str, Any]
    token_refresh_endpoint: str
    error_handler: ErrorHandler
    client: Client
    access_token = ""

    def __init__(
        self,
        config: Mapping[str, Any],
        token_refresh_endpoint: str,
        error_handler: ErrorHandler,
        client: Client,
    ) -> None:
        url = InterpolatedString.create(token_refresh_endpoint, parameters={}).eval(config)
        super().__init__(config, url)
        self.config, self.error_handler, self.client = config, error_handler, client
        self.on_rotation: Callable[[Mapping[str, Any]], None] = hand_over
        self._renew_at = float("-inf")
        self._lock = threading.RLock()

    @override
    def token_has_expired(self) -> bool:
        with self._lock:
            return self.client.monotonic() >= self._renew_at

    @override
    def refresh_and_set_access_token(self) -> None:
        self.renew(f"Bearer {self.access_token}")

    def renew(self, refused: str) -> None:
        """Replace the token, unless another thread has replaced that of the `refused` header."""
        with self._lock:
            if refused == f"Bearer {self.access_token}":
                self._renew()

    def _renew(self) -> None:
        answer, asked_at = _answer(self)
        life = float(answer.get("expires_in") or DEFAULT_LIFE_SECONDS)
        refresh_token = answer.get("refresh_token") or self.get_refresh_token()
        mask(answer["access_token"], refresh_token)
        self.access_token = answer["access_token"]
        self._renew_at = asked_at + life - min(EARLY_SECONDS, EARLY_SHARE * life)
        if refresh_token != self.get_refresh_token():
            self.set_refresh_token(refresh_token)
            self.on_rotation(self.config)


def _answer(auth: AsanaOAuth) -> tuple[dict[str, Any], float]:
    """Return a new token, and when it was asked for (monotonic seconds); its life began later.

    Raises:
        AirbyteTracedException: a config error where Asana refuses, the end of the sync where that
            was told to stop, a transient error after an outage.
    """
    client = auth.client
    began = client.monotonic()
    for _ in Tries(client.sleep, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS):
        client.stop.check()
        asked_at = client.monotonic()
        try:
            response = client.session.post(
                auth.get_token_refresh_endpoint(),
                data=auth.build_refresh_request_body(),
                timeout=client.timeout,
                allow_redirects=False,
                # Without it, a .netrc would add a password.
                auth=NoAuth({}),
            )
        except requests.RequestException as error:
            problem = type(error).__name__
        else:
            problem = f"HTTP {response.status_code}"
            verdict = auth.error_handler.interpret_response(response)
            if verdict.response_action is ResponseAction.SUCCESS:
                return response.json(), asked_at
            if verdict.response_action is ResponseAction.FAIL:
                refusal = AirbyteTracedException(
                    problem, verdict.error_message, verdict.failure_type or FailureType.system_error
                )
                raise client.stop.abort(refusal)
        if client.monotonic() - began >= client.outage_seconds:
            said = "Asana's token endpoint could not be reached for too long"
            raise client.stop.abort(outage(said, problem))
    raise AssertionError("without a limit, tries do not end")


def hand_over(config: Mapping[str, Any]) -> None:
    """Have the platform store a configuration, at once, as its old refresh token is worthless."""
    # Without the lock, the line could end up in the middle of another thread's.
    with PRINT_BUFFER.lock:
        emit_configuration_as_airbyte_control_message(dict(config))


def authenticator(
    manifest: Mapping[str, Any], config: Mapping[str, Any], client: Client
) -> DeclarativeAuthenticator:
    """Return the authenticator that the manifest declares for a configuration.

    Args:
        manifest: resolved.
        config: what `config.plain` returns.
        client: sends its requests.
    """
    made: DeclarativeAuthenticator = ModelToComponentFactory().create_component(
        SelectiveAuthenticator, manifest["definitions"]["authenticator"], config, client=client
    )
    return made
