"""The file of an export: tasks with their stories and attachments, one a line, gzipped, unordered.

Source: createResourceExport. Served as a storage host does: ranges, ETag, Last-Modified.
"""

from __future__ import annotations

import gzip
import tempfile
from dataclasses import dataclass
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from sandbox.faults import halved
from sandbox.instability import HTML_SIGNATURE, SIGNATURE, STEADY
from sandbox.optfields import Tree, parse
from sandbox.server_time import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from sandbox.access import Viewer
    from sandbox.api import Api
    from sandbox.store import Object

PIECE = 1 << 16
WITHOUT = frozenset({"download_url", "view_url"})
EMBEDDED = {
    "stories": ("task.stories", "StoryResponse"),
    "attachments": ("parent.attachments", "AttachmentResponse"),
}
OLD_SECONDS = 86_400
NOT_PERMITTED = "Resource exports are only for service accounts of Enterprise+ organizations."


@dataclass(slots=True)
class Trouble:
    """What goes wrong, each number so many times; all may be changed while the server runs.

    Attributes:
        polls: how often a job is asked for before it is over. endless: it never is.
        failed: jobs that fail. busy: POSTs refused as another export runs. forbidden: all are.
        no_right: the words of that refusal. expired: addresses that have expired at once.
        cut: bodies that break off. short: bodies that end too early, as if that were right.
        damaged: files that are no gzip in their middle. stale: files of an older export.
        no_ranges: whether the host knows no ranges.
        half_emoji: whether every text is cut inside its emoji.
        lacks: names left out of stories and attachments, or these two themselves. bare: these come
            with gid and type only.
    """

    polls: int = 2
    endless: bool = False
    failed: int = 0
    busy: int = 0
    forbidden: bool = False
    no_right: str = NOT_PERMITTED
    expired: int = 0
    cut: int = 0
    short: int = 0
    damaged: int = 0
    stale: int = 0
    no_ranges: bool = False
    half_emoji: bool = False
    lacks: frozenset[str] = frozenset()
    bare: bool = False

    def takes(self, name: str) -> bool:
        """Tell whether one more of a fault is left, and count it."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


class ExportFile:
    """One finished file, on disk."""

    def __init__(
        self,
        api: Api,
        viewer: Viewer,
        workspace: str,
        parameters: list[dict[str, Any]],
        trouble: Trouble,
    ) -> None:
        """Write the objects of a workspace as they are now."""
        self.api = api
        self.viewer = viewer
        self.trouble = trouble
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server
        with api.world.lock, gzip.GzipFile(fileobj=self.file, mode="wb", compresslevel=1) as out:
            for one in parameters:
                if one.get("resource_type") == "task":
                    for line in self._tasks(workspace, one):
                        out.write(line + b"\n")
        self.size = self.file.tell()

    # ── contents ────────────────────────────────────────────────────────────────────────────

    def _tasks(self, workspace: str, parameters: dict[str, Any]) -> Iterator[bytes]:
        tree = parse(",".join(parameters.get("fields") or ())) or None
        own = None if tree is None else {k: v for k, v in tree.items() if k not in EMBEDDED}
        tasks = [
            task
            for task in self.api.world.of_kind("task")
            if task["workspace"] == workspace and _passes(task, parameters.get("filters") or {})
        ]
        # No order is promised, parents before children least of all.
        Random(len(tasks)).shuffle(tasks)  # noqa: S311 - reproducible
        plan = self.api.compiler(self.viewer).plan("TaskResponse", own)
        for task in tasks:
            record = plan.record(task)
            for name in EMBEDDED:
                if (tree is None or name in tree) and name not in self.trouble.lacks:
                    branch = None if tree is None else tree[name]
                    record = {**record, name: self._embedded(task["gid"], name, branch)}
            line = _signed(orjson.dumps(record))
            yield halved(line) if self.trouble.half_emoji else line

    def _embedded(self, task: str, name: str, tree: Tree | None) -> list[dict[str, Any]]:
        place, schema = EMBEDDED[name]
        if self.trouble.bare:
            tree = {"resource_type": {}}
        without = WITHOUT | self.trouble.lacks
        if tree is not None:
            tree = {key: branch for key, branch in tree.items() if key not in without}
        plan = self.api.compiler(self.viewer).plan(schema, tree)
        world = self.api.world
        found = (plan.record(world[gid]) for gid in world.listed(place, task))
        return [{k: v for k, v in one.items() if k not in without} for one in found]

    # ── transport ───────────────────────────────────────────────────────────────────────────

    @staticmethod
    def refusal() -> web.Response:
        """Return the 403 of an address that has expired."""
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        return web.Response(status=403, body=body, content_type="application/xml")

    async def serve(self, request: web.BaseRequest, completed: float) -> web.StreamResponse:
        """Send the file, or what is left of it, the way the faults say."""
        trouble = self.trouble
        begin, end = self._range(request), self.size
        if begin >= end:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{end}"})
        stored = completed - (OLD_SECONDS if trouble.takes("stale") else 0)
        cut, damaged = trouble.takes("cut"), trouble.takes("damaged")
        if trouble.takes("short"):
            end = begin + max(1, (end - begin) // 2)
        response = web.StreamResponse(
            status=206 if begin else 200,
            headers={
                "Content-Type": "application/gzip",
                "Content-Length": str(end - begin),
                "Last-Modified": formatdate(stored, usegmt=True),
                "ETag": f'"{self.size}"',
                **({"Content-Range": f"bytes {begin}-{end - 1}/{self.size}"} if begin else {}),
            },
        )
        await response.prepare(request)
        middle = begin + (end - begin) // 2
        for at in range(begin, end, PIECE):
            piece = self._piece(at, min(at + PIECE, end))
            if cut and at + len(piece) > middle:
                await response.write(piece[: max(1, middle - at)])
                if request.transport is not None:
                    request.transport.close()
                return response
            if damaged and at <= middle < at + len(piece):
                piece = piece[: middle - at] + b"\xff" * (len(piece) - (middle - at))
            await response.write(piece)
        await response.write_eof()
        return response

    def _range(self, request: web.BaseRequest) -> int:
        asked = request.headers.get("Range", "")
        if self.trouble.no_ranges or not asked.startswith("bytes="):
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def _piece(self, begin: int, end: int) -> bytes:
        self.file.seek(begin)
        return self.file.read(end - begin)


def _passes(task: Object, filters: dict[str, Any]) -> bool:
    """Tell whether a task passes the filters of times and people."""
    for name, value in filters.items():
        column, _, how = name.rpartition(".")
        if how == "after" and not parse_moment(task[column]) > parse_moment(value):
            return False
        if how == "before" and not parse_moment(task[column]) < parse_moment(value):
            return False
        if how == "any":
            held = task.get(column) or ()
            if ({held} if isinstance(held, str) else set(held)).isdisjoint(value):
                return False
    return True


def _signed(line: bytes) -> bytes:
    """Return a line with the addresses in it signed, as answers are while they are steady."""
    line = line.replace(SIGNATURE.encode(), STEADY.encode())
    return line.replace(HTML_SIGNATURE.encode(), STEADY.replace("&", "&amp;").encode())
