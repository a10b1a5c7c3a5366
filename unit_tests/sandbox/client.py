"""A client that speaks plain HTTP to a sandbox."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox import Sandbox


class Answer:
    """Status, headers, parsed body."""

    def __init__(self, status: int, headers: dict[str, str], raw: bytes) -> None:
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.raw
        return self.json["data"]

    @property
    def message(self) -> str:
        return str(self.json["errors"][0]["message"])

    @property
    def gids(self) -> list[str]:
        return [record["gid"] for record in self.data]


def get(
    asana: Sandbox, path: str, *, token: str | None = None, headers: Any = (), **params: Any
) -> Answer:
    """GET below the API's base; double underscores in names become dots."""
    query = {name.replace("__", "."): value for name, value in params.items()}
    target = f"/api/1.0{path}" + (f"?{urlencode(query)}" if query else "")
    return send(
        asana,
        "GET",
        target,
        headers={"Authorization": f"Bearer {token or asana.token}", **dict(headers)},
    )


def send(
    asana: Sandbox, method: str, target: str, *, headers: Any = (), body: Any = None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", asana.server.port, timeout=5)
    try:
        connection.request(method, target, headers=dict(headers), body=body)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def walk(asana: Sandbox, path: str, **params: Any) -> list[dict[str, Any]]:
    """Return the records of all pages."""
    found, offset = [], {}
    while True:
        answer = get(asana, path, **params, **offset)
        found.extend(answer.data)
        following = answer.json["next_page"]
        if following is None:
            return found
        offset = {"offset": following["offset"]}
