"""The sandbox as tests use it: a server in a background thread and everything about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sandbox import faults
from sandbox.access import PLANS, REQUESTS_PER_MINUTE, Viewer
from sandbox.api import Api, Entry
from sandbox.control import Control
from sandbox.server import PREFIX, Server
from sandbox.truth import Truth
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from sandbox.auth import OAuthApp, Token
    from sandbox.clock import Clock
    from sandbox.faults import Fault


class Sandbox:
    """An Asana of one's own. A context manager: it listens inside the `with`.

    Args:
        world: what it holds; a generated one of 100 tasks if left out.
        plan: free, paid, advanced or service (the token is then a service account's).
        features: features given besides the plan's.
        strict_fields: answer 400 to unknown opt_fields instead of shrinking the record.
        offset_life: seconds an offset lives. sync_life: seconds a sync token lives.
        search_lag: seconds until task search sees a change.
        requests_per_minute: quota of a token; None is without. quota=True takes the plan's.
        searches_per_minute: quota of searches; 60 with quota=True.
        concurrent: requests in flight before 429; 50 with quota=True.
        retry_after: whether a 429 of the quota carries Retry-After.
        latency_ms: delay of every answer. page_ms: further delay of a page.
        port: 0 takes a free one.
        settings: any attribute of `sandbox.calls.Settings`.
    """

    def __init__(
        self,
        world: World | None = None,
        plan: str = "paid",
        *,
        features: Iterable[str] = (),
        strict_fields: bool = False,
        offset_life: float = 900.0,
        quota: bool = False,
        requests_per_minute: int | None = None,
        searches_per_minute: int | None = None,
        concurrent: int | None = None,
        retry_after: bool = True,
        latency_ms: float = 0.0,
        page_ms: float = 0.0,
        port: int = 0,
        **settings: Any,
    ) -> None:
        """Prepare; listening starts with `with` or `start()`."""
        self.world = world if world is not None else World.generate(tasks=100)
        self.plan = plan
        self.features = PLANS[plan] | frozenset(features)
        self.api = Api(self.world, strict_fields=strict_fields)
        for name, value in settings.items():
            if not hasattr(self.api.settings, name):
                message = f"unknown option {name}"
                raise TypeError(message)
            setattr(self.api.settings, name, value)
        self.api.offsets.life_seconds = offset_life
        limits = self.api.quota
        limits.requests_per_minute = requests_per_minute or (
            REQUESTS_PER_MINUTE[plan] if quota else None
        )
        limits.searches_per_minute = searches_per_minute or (60 if quota else None)
        limits.concurrent = concurrent or (50 if quota else None)
        limits.retry_after = retry_after
        self.service = plan == "service"
        kind = "service_account" if self.service else "personal_access_token"
        token = self.api.auth.add("1/sandbox:token", self.viewer(), kind=kind)
        self.token = token.text
        self.server = Server(self.api, Control(self), port=port)
        self.server.latency_seconds = latency_ms / 1000
        self.server.seconds_per_page = page_ms / 1000

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

    def start(self) -> Self:
        """Listen."""
        self.server.start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self.server.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def origin(self) -> str:
        """Return scheme, host and port; the token endpoint is at `origin + "/-/oauth_token"`."""
        return f"http://127.0.0.1:{self.server.port}"  # ignore-https-check

    @property
    def url(self) -> str:
        """Return the base URL of the API."""
        return self.origin + PREFIX

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
