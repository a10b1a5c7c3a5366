"""The sandbox as tests use it: a server in a background thread, and everything about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sandbox.controls import Controls
from sandbox.remote import Control
from sandbox.server import PREFIX, Server
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from sandbox.exports import Exports


class Sandbox(Controls):
    """A fake Asana. It is a context manager and listens inside the `with`.

    Args:
        world: what it holds; by default a generated world of 100 tasks.
        plan: free, paid, advanced, or service, with which the token is a service account's.
        features: features in addition to the plan's.
        strict_fields: whether unknown opt_fields are a 400; otherwise they shrink the record.
        offset_life: seconds an offset lives.
        quota: whether the plan's rate limits apply.
        requests_per_minute: the quota of a token; None means no limit, or the plan's with `quota`.
        searches_per_minute: the quota of searches; 60 with `quota`.
        concurrent: the most requests in flight; 50 with `quota`.
        retry_after: whether a 429 of the quota carries Retry-After.
        latency_ms: the delay of every answer.
        page_ms: the further delay of a page.
        port: the port to listen on; 0 takes a free one.
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
        """Prepare everything; listening starts with `with` or `start()`."""
        super().__init__(
            world if world is not None else World.generate(tasks=100),
            plan,
            features=features,
            strict_fields=strict_fields,
            settings=settings,
        )
        self.api.offsets.life_seconds = offset_life
        self.limit(
            quota=quota,
            requests_per_minute=requests_per_minute,
            searches_per_minute=searches_per_minute,
            concurrent=concurrent,
            retry_after=retry_after,
        )
        self.server = Server(self.api, Control(self, lambda: self.url), port=port)
        self.server.latency_seconds = latency_ms / 1000
        self.server.seconds_per_page = page_ms / 1000

    def start(self) -> Self:
        """Start to listen."""
        self.server.start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self.server.stop()

    def __enter__(self) -> Self:
        """Start to listen."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self.stop()

    @property
    def exports(self) -> Exports:
        """Return the resource exports: `trouble` to set, `jobs`, `downloads`."""
        return self.server.exports

    @property
    def origin(self) -> str:
        """Return scheme, host and port; the token endpoint is at `origin + "/-/oauth_token"`."""
        return f"http://127.0.0.1:{self.server.port}"  # ignore-https-check

    @property
    def url(self) -> str:
        """Return the base URL of the API."""
        return self.origin + PREFIX
