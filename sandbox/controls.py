"""What tests ask of a running sandbox and change in it, apart from its world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import faults
from sandbox.access import PLANS, REQUESTS_PER_MINUTE, Viewer
from sandbox.api import Api, Entry
from sandbox.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.faults import Fault
    from sandbox.server_time import Clock
    from sandbox.tokens import OAuthApp, Token
    from sandbox.world import World


class Controls:
    """The API over a world, with its tokens, quota, faults, log and truth; without a server."""

    def __init__(
        self,
        world: World,
        plan: str,
        *,
        features: Iterable[str] = (),
        strict_fields: bool = False,
        settings: dict[str, Any],
    ) -> None:
        """Serve `world` under `plan` to one token; the arguments are those of `Sandbox`."""
        self.world = world
        self.plan = plan
        self.features = PLANS[plan] | frozenset(features)
        self.api = Api(self.world, strict_fields=strict_fields)
        for name, value in settings.items():
            if not hasattr(self.api.settings, name):
                message = f"unknown option {name}"
                raise TypeError(message)
            setattr(self.api.settings, name, value)
        self.service = plan == "service"
        kind = "service_account" if self.service else "personal_access_token"
        self.token = self.api.auth.add("1/sandbox:token", self.viewer(), kind=kind).text

    def limit(
        self,
        *,
        quota: bool,
        requests_per_minute: int | None,
        searches_per_minute: int | None,
        concurrent: int | None,
        retry_after: bool,
    ) -> None:
        """Set the rate limits; `quota` takes the plan's where no number is given."""
        limits = self.api.quota
        limits.requests_per_minute = requests_per_minute or (
            REQUESTS_PER_MINUTE[self.plan] if quota else None
        )
        limits.searches_per_minute = searches_per_minute or (60 if quota else None)
        limits.concurrent = concurrent or (50 if quota else None)
        limits.retry_after = retry_after

    def viewer(
        self,
        user: str | None = None,
        *,
        service: bool | None = None,
        scopes: Iterable[str] | None = None,
    ) -> Viewer:
        """Return the rights of a user under this plan; granular `scopes` narrow them."""
        return Viewer(
            user or self.world.me,
            self.features,
            self.service if service is None else service,
            None if scopes is None else frozenset(scopes),
        )

    @property
    def clock(self) -> Clock:
        """Return the world's clock."""
        return self.world.clock

    @property
    def log(self) -> list[Entry]:
        """Return the requests answered so far, oldest first."""
        return self.api.log

    @property
    def unknown_params(self) -> list[str]:
        """Return query parameters that an endpoint does not know, as template?name."""
        return self.api.unknown_params

    @property
    def unknown_fields(self) -> list[str]:
        """Return names in opt_fields that no schema knows, as where.name."""
        return self.api.unknown_fields

    @property
    def max_inflight(self) -> int:
        """Return the most requests that were being answered at once."""
        return self.api.quota.most_in_flight

    def requests(self, template: str | None = None) -> int:
        """Return the number of requests answered with 2xx, of one path template or of all."""
        return self.api.requests(template)

    def reset_log(self) -> None:
        """Forget requests, unknown names and quota use."""
        self.api.reset_log()

    def fault(self, kind: str, path: str | None = None, **options: Any) -> Fault:
        """Plan a fault (kinds and options: `sandbox/README.md`); `hits` counts its requests."""
        fault = faults.make(kind, path, **options)
        self.api.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Forget all faults."""
        self.api.faults.clear()

    def before_request(self, hook: Callable[[str, dict[str, str]], None] | None) -> None:
        """Call `hook(path, params)` before each API request is answered; None ends that."""
        self.api.hook = hook

    def add_token(
        self,
        text: str,
        *,
        user: str | None = None,
        service: bool = False,
        scopes: Iterable[str] | None = None,
        life_seconds: float | None = None,
    ) -> Token:
        """Accept another token: of another user, a service account or with granular scopes."""
        kind = "service_account" if service else "personal_access_token"
        viewer = self.viewer(user, service=service, scopes=scopes)
        token = self.api.auth.add(text, viewer, kind=kind)
        if life_seconds is not None:
            token.expires = self.clock.now() + life_seconds
        return token

    def add_oauth_app(
        self,
        *,
        user: str | None = None,
        scopes: Iterable[str] | None = None,
        life_seconds: float = 3600.0,
        rotates: bool = False,
    ) -> OAuthApp:
        """Return a new OAuth app: client_id, client_secret, refresh_token, `revoked` to set."""
        viewer = self.viewer(user, scopes=scopes)
        return self.api.auth.add_app(viewer, life_seconds=life_seconds, rotates=rotates)

    def expire_access_tokens(self) -> None:
        """Let every OAuth access token end now."""
        self.api.auth.expire_access_tokens()

    def truth(
        self, stream: str, token: str | None = None, *, fields: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the records that a full read of `stream` should give with the token.

        `fields` (opt_fields, "gid" is the quickest) leaves out the others, for large worlds.
        """
        return Truth(self.api, self.api.auth.tokens[token or self.token]).read(stream, fields)
