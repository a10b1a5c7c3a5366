"""What tests ask of a running sandbox and change in it, apart from its world."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox import faults
from sandbox.access import PLANS, REQUESTS_PER_MINUTE, Viewer
from sandbox.api import Api, Entry
from sandbox.hooks import Hook, Where
from sandbox.spec import SCOPES
from sandbox.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.faults import Fault
    from sandbox.server_time import Clock
    from sandbox.tokens import OAuthApp, Token
    from sandbox.world import World


class Controls:
    """The API over a world, with its tokens, quota, faults, hooks, log and truth."""

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
        """Set the rate limits; with `quota` the plan's limits apply where no number is given."""
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
        """Return the rights of a user under this plan, narrowed by granular `scopes` if given."""
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
        """Return the query parameters that no endpoint knows, as `template?name`."""
        return self.api.unknown_params

    @property
    def unknown_fields(self) -> list[str]:
        """Return the names in opt_fields that no schema knows, as `where.name`."""
        return self.api.unknown_fields

    @property
    def max_inflight(self) -> int:
        """Return the most requests that were being answered at once."""
        return self.api.quota.most_in_flight

    def requests(self, template: str | None = None) -> int:
        """Return how many requests were answered with 2xx, of one path template or of all."""
        return self.api.requests(template)

    def reset_log(self) -> None:
        """Forget the requests, the unknown names and the use of the quota."""
        self.api.reset_log()

    def fault(self, kind: str, path: str | None = None, **options: Any) -> Fault:
        """Plan a fault and return it; `sandbox/README.md` lists kinds and options."""
        fault = faults.make(kind, path, **options)
        self.api.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Forget all faults."""
        self.api.faults.clear()

    def before_request(self, hook: Callable[[str, dict[str, str]], None] | None) -> None:
        """Call `hook(path, params)` before each API request is answered, until None is passed."""
        self.api.hook = hook

    def before_page(
        self,
        path: str | None,
        action: Callable[[], object],
        *,
        page: int = 2,
        times: int | None = 1,
    ) -> Hook:
        """Call `action` before that page of a listing is answered, so that the listing changes.

        `path` is a template or a regex, as for `fault`. Each listing counts its own pages from 1.
        The action runs in the server's thread and must not ask the server.
        """
        return self._hook(Hook(Where.named(path), action, page=page, times=times))

    def before_nth(
        self, number: int, action: Callable[[], object], *, path: str | None = None
    ) -> Hook:
        """Call `action` before the request of that number from now on, among those of `path`."""
        return self._hook(Hook(Where.named(path), action, number=number))

    def _hook(self, hook: Hook) -> Hook:
        self.api.hooks.waiting.append(hook)
        return hook

    def clear_hooks(self) -> None:
        """Forget all hooks, including that of `before_request`."""
        self.api.hooks.waiting.clear()
        self.api.hook = None

    def set_scopes(
        self, scopes: Iterable[str] | None, *, holder: str | OAuthApp | None = None
    ) -> None:
        """Narrow a token, or an app with its tokens, to granular scopes; None gives all rights.

        Without a `holder` the sandbox's own token is meant.
        """
        granted = None if scopes is None else frozenset(scopes)
        self._change_rights(lambda viewer: replace(viewer, scopes=granted), holder)

    def take_scopes(self, *scopes: str, holder: str | OAuthApp | None = None) -> None:
        """Take granular scopes away from a token, or from an app with all its tokens.

        A token with all rights keeps every other scope, but loses the endpoints that have no scope;
        `set_scopes(None)` gives it everything back.
        """

        def without(viewer: Viewer) -> Viewer:
            held = SCOPES if viewer.scopes is None else viewer.scopes
            return replace(viewer, scopes=held - set(scopes))

        self._change_rights(without, holder)

    def give_scopes(self, *scopes: str, holder: str | OAuthApp | None = None) -> None:
        """Give granular scopes to a token or an app, or give them back."""

        def widened(viewer: Viewer) -> Viewer:
            held = viewer.scopes
            return viewer if held is None else replace(viewer, scopes=held | set(scopes))

        self._change_rights(widened, holder)

    def set_plan(self, plan: str) -> None:
        """Move every token to another plan. Features come or go; quotas stay as they are."""
        self.plan, self.features = plan, PLANS[plan]
        for text in list(self.api.auth.tokens):
            self._change_rights(self._replanned, text)
        for app in self.api.auth.apps.values():
            self._change_rights(self._replanned, app)

    def _replanned(self, viewer: Viewer) -> Viewer:
        return replace(viewer, features=self.features)

    def _change_rights(
        self, change: Callable[[Viewer], Viewer], holder: str | OAuthApp | None
    ) -> None:
        with self.world.lock:
            self.api.auth.change_rights(change, holder or self.token)

    def add_token(
        self,
        text: str,
        *,
        user: str | None = None,
        service: bool = False,
        scopes: Iterable[str] | None = None,
        life_seconds: float | None = None,
    ) -> Token:
        """Accept another token: another user's, a service account's, or one with scopes."""
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
        """Return a new OAuth app with its client_id, client_secret and refresh_token."""
        viewer = self.viewer(user, scopes=scopes)
        return self.api.auth.add_app(viewer, life_seconds=life_seconds, rotates=rotates)

    def expire_access_tokens(self) -> None:
        """Let every OAuth access token expire now."""
        self.api.auth.expire_access_tokens()

    def truth(
        self, stream: str, token: str | None = None, *, fields: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the records that a full read of `stream` should give with the token.

        `fields` narrows them to some opt_fields, which large worlds need; "gid" is the quickest.
        """
        return Truth(self.api, self.api.auth.tokens[token or self.token]).read(stream, fields)
