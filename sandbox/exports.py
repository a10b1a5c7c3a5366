"""Resource exports: jobs that are made by POST, polled, and end with a file to download.

Source: createResourceExport and getJob in Asana's OpenAPI file. The words of the refusals are not
documented; those here are own wording.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from sandbox import refusals
from sandbox.api import JSON, Entry, Reply
from sandbox.exports_file import ExportFile, Trouble
from sandbox.faults import TRANSPORT
from sandbox.refusals import ApiError
from sandbox.server_time import to_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from sandbox.api import Api
    from sandbox.tokens import Token

CREATE, POLL = "/exports/resource", "/jobs/{job_gid}"
FILES = "/_export/"
ADDRESS_SECONDS = 300
PATIENCE_SECONDS = 5.0
BUSY = "An export request is already in progress for this workspace."


@dataclass(slots=True)
class Job:
    """One export job; times in seconds since 1970."""

    gid: str
    token: str
    workspace: str
    parameters: list[dict[str, Any]]
    created: float
    polls_left: int
    fails: bool
    completed: float | None = None
    file: ExportFile | None = None
    signatures: dict[str, float] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Return the status as Asana words it."""
        if self.completed is not None:
            return "failed" if self.fails else "succeeded"
        return "in_progress" if self.polls_left <= 1 else "not_started"


class Exports:
    """The exports of one server."""

    def __init__(self, api: Api, origin: Callable[[], str]) -> None:
        """Export the world of `api`; files are at `origin()`."""
        self.api = api
        self.origin = origin
        self.trouble = Trouble()
        self.jobs: dict[str, Job] = {}
        self._finishing: asyncio.Task[None]
        self.downloads: list[dict[str, str]] = []

    def close(self) -> None:
        """Delete the files."""
        for job in self.jobs.values():
            if job.file:
                job.file.file.close()

    # ── API ─────────────────────────────────────────────────────────────────────────────────

    async def reply(self, request: web.BaseRequest, path: str) -> Reply | None:
        """Answer a request for an export or its job, None for all others."""
        template = CREATE if path == CREATE else POLL
        is_poll = request.method == "GET" and path.startswith("/jobs/")
        if not (is_poll or (request.method == "POST" and path == CREATE)):
            return None
        body = await request.read()
        api, query = self.api, dict(request.query)
        if api.hook is not None:
            api.hook(path, query)
        fault = next((f for f in list(api.faults) if f.applies(path, template, query)), None)
        headers = {"Content-Type": JSON}
        try:
            token = api.auth.check(request.headers.get("Authorization"))
            api.quota.check(token.text, search=False)
            if fault is not None and fault.kind not in TRANSPORT:
                reply = Reply(*_first_last(fault.reply()))
            elif is_poll:
                data = await self._poll(path.removeprefix("/jobs/"), token)
                reply = Reply(200, orjson.dumps({"data": data}), headers, fault)
            else:
                data = self._create(body, token)
                reply = Reply(201, orjson.dumps({"data": data}), headers, fault)
        except ApiError as error:
            reply = Reply(error.status, error.body(), {**headers, **error.headers}, fault)
        self._log(request.method, path, template, query, reply.status, request.headers)
        return reply

    def _log(  # noqa: PLR0917 - the parts of a request
        self,
        method: str,
        path: str,
        template: str,
        query: dict[str, str],
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        token = headers.get("Authorization", "").partition(" ")[2]
        now = self.api.world.clock.now()
        self.api.log.append(Entry(now, method, path, template, query, status, token))
        self.api.counts[template, status] += 1

    def _create(self, body: bytes, token: Token) -> dict[str, Any]:
        try:
            data = orjson.loads(body)["data"]
            workspace, parameters = data["workspace"], data["export_request_parameters"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise ApiError(400, "data: Missing input") from None
        world, trouble = self.api.world, self.trouble
        if workspace not in world or world[workspace]["resource_type"] != "workspace":
            raise refusals.unknown_object("workspace", str(workspace))
        if not token.viewer.service or trouble.forbidden:
            raise ApiError(403, trouble.no_right)
        running = any(j.workspace == workspace and j.completed is None for j in self.jobs.values())
        if running or trouble.takes("busy"):
            raise ApiError(403, BUSY)
        job = Job(
            world.new_gid(),
            token.text,
            workspace,
            parameters,
            world.clock.now(),
            trouble.polls,
            trouble.takes("failed"),
        )
        self.jobs[job.gid] = job
        return self._shown(job)

    async def _poll(self, gid: str, token: Token) -> dict[str, Any]:
        job = self.jobs.get(gid)
        if job is None:
            raise refusals.unknown_object("job", gid)
        if job.token != token.text:
            raise ApiError(403, "You do not have access to this job.")
        if job.completed is None and not self.trouble.endless:
            job.polls_left -= 1
            if job.polls_left == 0:
                self._finishing = asyncio.create_task(asyncio.to_thread(self.finish, job))
            if job.polls_left <= 0:
                # A large file takes longer than an answer may.
                await asyncio.wait([self._finishing], timeout=PATIENCE_SECONDS)
        return self._shown(job)

    def finish(self, job: Job) -> None:
        """End a job; its file has the objects as they are now."""
        if not job.fails:
            viewer = self.api.auth.tokens[job.token].viewer
            job.file = ExportFile(self.api, viewer, job.workspace, job.parameters, self.trouble)
        job.completed = self.api.world.clock.now()

    def _shown(self, job: Job) -> dict[str, Any]:
        address = None
        if job.file is not None:
            signature = secrets.token_hex(16)
            expired = self.trouble.takes("expired")
            now = self.api.world.clock.now()
            job.signatures[signature] = now - 1 if expired else now + ADDRESS_SECONDS
            address = (
                f"{self.origin()}{FILES}{job.gid}/object_export.jsonl.gz"
                f"?X-Amz-Expires={ADDRESS_SECONDS}&X-Amz-Signature={signature}"
            )
        return {
            "gid": job.gid,
            "resource_type": "job",
            "resource_subtype": "export_request",
            "status": job.status,
            "new_resource_export": {
                "gid": str(int(job.gid) + 1),
                "resource_type": "export_request",
                "created_at": to_stamp(job.created),
                "completed_at": None if job.completed is None else to_stamp(job.completed),
                "download_url": address,
            },
        }

    # ── files ───────────────────────────────────────────────────────────────────────────────

    async def download(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Serve a job's file to whoever has an address that has not expired."""
        self.downloads.append(dict(request.headers))
        job = self.jobs.get(path.removeprefix(FILES).partition("/")[0])
        until = job.signatures.get(request.query.get("X-Amz-Signature", ""), 0.0) if job else 0.0
        is_expired = until < self.api.world.clock.now()
        file = job.file if job and not is_expired else None
        if job is None or file is None:
            return ExportFile.refusal()
        return await file.serve(request, job.completed or 0.0)


def _first_last(parts: tuple[int, dict[str, str], bytes]) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers, from a fault's status, headers and body."""
    status, headers, body = parts
    return status, body, headers
