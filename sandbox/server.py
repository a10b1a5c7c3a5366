"""The HTTP side: aiohttp in a thread of its own, spoiled transport, delays, the token endpoint."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from sandbox.api import JSON, Api, Reply
from sandbox.exports import FILES, Exports
from sandbox.faults import halved

PREFIX = "/api/1.0"
Control = Callable[[str, str, dict[str, str], bytes], tuple[int, Any]]


class Undated(web.Response):
    """An answer without the `Date` header, which aiohttp adds by itself otherwise."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        del self.headers["Date"]


class Server:
    """Serves an `Api` on loopback until it is stopped; `port` 0 takes a free one."""

    def __init__(self, api: Api, control: Control, *, port: int = 0) -> None:
        """Only prepare; `start` listens."""
        self.api = api
        self.control = control
        self.port = port
        self.latency_seconds = 0.0
        self.seconds_per_page = 0.0
        self.exports = Exports(api, lambda: f"http://127.0.0.1:{self.port}")  # ignore-https-check
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listening = threading.Event()
        self._runner: web.ServerRunner | None = None
        self._failure: OSError | None = None

    def start(self) -> None:
        """Listen in a background thread; what binding raises is raised here."""
        self._loop = loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=[loop], name="sandbox", daemon=True)
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            self._thread.join(10)
            loop.close()
            raise self._failure

    def stop(self) -> None:
        """Close every connection and end the thread, if it was ever started."""
        if self._loop is None or self._thread is None:
            return
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.exports.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._listen())
        except OSError as error:
            self._failure = error
        self._listening.set()
        if self._failure is None:
            loop.run_forever()

    async def _listen(self) -> None:
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=512)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith(PREFIX):
            return await self._api(request, path[len(PREFIX) :] or "/")
        if path.startswith(FILES):
            return await self.exports.download(request, path)
        return await self._other(request, path)

    async def _api(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        quota = self.api.quota
        quota.in_flight += 1
        quota.most_in_flight = max(quota.most_in_flight, quota.in_flight)
        try:
            # Yield once even without a delay, so that requests in flight are counted together.
            await asyncio.sleep(self.latency_seconds)
            query = dict(request.query)
            reply = await self.exports.reply(request, path) or self.api.respond(
                request.method, path, query, request.headers
            )
            if self.seconds_per_page and "limit" in query:
                await asyncio.sleep(self.seconds_per_page)
            ahead = self.api.settings.date_skew
            if ahead is not None:
                reply.headers["Date"] = self.api.world.clock.date_header(ahead)
            if reply.fault is not None:
                return await self._spoil(request, reply)
            response = web.Response if ahead is not None else Undated
            return response(status=reply.status, body=reply.body, headers=reply.headers)
        finally:
            quota.in_flight -= 1

    async def _spoil(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        """Send the reply in the way its fault says."""
        fault = reply.fault
        kind = fault.kind if fault else ""
        if kind == "slow" and fault:
            await asyncio.sleep(fault.seconds)
        elif kind == "empty":
            return web.Response(status=reply.status, body=b"", headers=reply.headers)
        elif kind == "half_emoji":
            body = halved(reply.body)
            return web.Response(status=reply.status, body=body, headers=reply.headers)
        elif kind == "cut_json":
            half = reply.body[: max(1, len(reply.body) // 2)]
            return web.Response(status=reply.status, body=half, headers=reply.headers)
        elif kind in {"drop", "short_read"}:
            if kind == "short_read":
                promised = {**reply.headers, "Content-Length": str(len(reply.body))}
                response = web.StreamResponse(status=reply.status, headers=promised)
                await response.prepare(request)
                await response.write(reply.body[: len(reply.body) // 2])
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=reply.status)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    async def _other(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Serve the OAuth endpoints and the control endpoints."""
        body = await request.read()
        status, answer = 404, {"errors": [{"message": "Not Found"}]}
        if path.startswith("/-/"):
            form = {key: str(value) for key, value in (await request.post()).items()}
            if path == "/-/oauth_token" and request.method == "POST":
                status, answer = self.api.auth.refresh(form)
            elif path == "/-/oauth_revoke" and request.method == "POST":
                status, answer = self.api.auth.revoke(form)
            elif path == "/-/token_info" and request.method == "POST":
                status, answer = 200, self.api.auth.introspect(form.get("token", ""))
        elif path.startswith("/_control/"):
            # The truth of a large world takes a while, too long for the event loop.
            name, query = path.removeprefix("/_control/"), dict(request.query)
            status, answer = await asyncio.to_thread(
                self.control, request.method, name, query, body
            )
        date = {"Content-Type": JSON, "Date": self.api.world.clock.date_header()}
        return web.Response(status=status, body=orjson.dumps(answer), headers=date)
