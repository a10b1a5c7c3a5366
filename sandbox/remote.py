"""The sandbox's own endpoints below /_control, for other processes; they speak JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from sandbox.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.controls import Controls


class Control:
    """Routes /_control/{name} to the same calls that tests make in process."""

    def __init__(self, sandbox: Controls, url: Callable[[], str]) -> None:
        """Control `sandbox`, which is reached at the address that `url` returns."""
        self.sandbox = sandbox
        self.url = url

    def __call__(
        self, method: str, name: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        """Answer one control request with a status and JSON."""
        handlers = {
            ("GET", "log-summary"): lambda _: self.sandbox.api.summary(),
            ("GET", "max-inflight"): lambda _: {"max_in_flight": self.sandbox.max_inflight},
            ("GET", "info"): lambda _: self.info(),
            ("POST", "reset"): lambda _: self.reset(),
            ("POST", "edit"): self.edit,
            ("POST", "fault"): self.fault,
            ("POST", "clear-faults"): lambda _data: self.clear_faults(),
            ("POST", "change"): self.change,
            ("POST", "clock"): self.clock,
            ("POST", "settings"): self.settings,
        }
        data: dict[str, Any] = {**query}
        try:
            if body:
                parsed = orjson.loads(body)
                data = {"edits": parsed} if isinstance(parsed, list) else {**data, **parsed}
            if method == "GET" and name.startswith("truth/"):
                return 200, {"data": self.truth(name[6:], query)}
            if (method, name) not in handlers:
                return 404, {"error": f"no control {method} {name}"}
            return 200, handlers[method, name](data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def truth(self, stream: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Return what a full read gives; ?token= and ?fields= narrow it."""
        return self.sandbox.truth(stream, query.get("token"), fields=query.get("fields"))

    def info(self) -> dict[str, Any]:
        """Return where and with which token to ask, and what the world holds."""
        sandbox = self.sandbox
        api = sandbox.api
        streams = Truth(api, api.auth.tokens[sandbox.token]).names()
        return {
            "url": self.url(),
            "token": sandbox.token,
            "plan": sandbox.plan,
            "objects": len(sandbox.world.objects),
            "streams": streams,
        }

    def reset(self) -> dict[str, Any]:
        """Forget the log."""
        self.sandbox.reset_log()
        return {}

    def clear_faults(self) -> dict[str, Any]:
        """Forget all faults."""
        self.sandbox.clear_faults()
        return {}

    def edit(self, data: dict[str, Any]) -> dict[str, Any]:
        """Carry out `edits`, a list of {"call": name, "args": [...], keyword: value ...}."""
        results = []
        for edit in data["edits"]:
            arguments = dict(edit)
            name = arguments.pop("call")
            if name.startswith("_"):
                message = f"no edit {name}"
                raise KeyError(message)
            with self.sandbox.world.lock:
                call = getattr(self.sandbox.world, name)
                results.append(call(*arguments.pop("args", []), **arguments))
        return {"results": [value if isinstance(value, str) else None for value in results]}

    def fault(self, data: dict[str, Any]) -> dict[str, Any]:
        """Plan a fault."""
        self.sandbox.fault(**data)
        return {}

    def change(self, data: dict[str, Any]) -> dict[str, Any]:
        """Edit `percent` of all tasks, chosen by `seed`, and return their gids."""
        gids = self.sandbox.world.change(float(data["percent"]), seed=int(data.get("seed", 1)))
        return {"gids": gids}

    def clock(self, data: dict[str, Any]) -> dict[str, Any]:
        """Advance the clock by `advance` seconds, or set its `skew`."""
        clock = self.sandbox.clock
        clock.skew = float(data.get("skew", clock.skew)) + float(data.get("advance", 0))
        return {"now": clock.stamp()}

    def settings(self, data: dict[str, Any]) -> dict[str, Any]:
        """Change attributes of the settings while the server runs."""
        for name, value in data.items():
            getattr(self.sandbox.api.settings, name)
            setattr(self.sandbox.api.settings, name, value)
        return {}
