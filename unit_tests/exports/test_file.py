"""The reader of large files: whole lines, in order, each once, however the bytes come."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
import requests
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from source_asana.config import parse_config
from source_asana.exports import file as reader
from source_asana.exports.file import TRIES, BrokenFileError, Download, lines
from source_asana.http.client import Client
from source_asana.http.clock import Millis

HOST = "https://storage.example"
TEXT = b"".join(b'{"gid":"%d"}\n' % number for number in range(20_000))
FILE = gzip.compress(TEXT)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def whole(chunks: Iterator[bytes]) -> list[bytes]:
    return [line.rstrip(b"\n") for batch in lines(chunks) for line in batch]


# ── lines ──────────────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(st.binary(max_size=40).filter(lambda line: line and b"\n" not in line)),
    st.integers(1, 50),
    st.booleans(),
)
def test_every_line_once(found: list[bytes], size: int, ends: bool) -> None:  # noqa: FBT001
    text = b"\n".join(found) + (b"\n" if ends else b"")
    assert whole(pieces(gzip.compress(text), size)) == found


def test_several_members_and_zeros_after_them() -> None:
    data = gzip.compress(b"a\nb") + gzip.compress(b"c\n") + b"\0" * 512
    assert whole(pieces(data, 7)) == [b"a", b"bc"]


def test_text_is_decoded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "TEXT_BYTES", 100)
    batches = list(lines(iter([FILE])))
    assert b"".join(line for batch in batches for line in batch) == TEXT
    assert max(sum(map(len, batch)) for batch in batches) < 200


@pytest.mark.parametrize(
    "data",
    [b"", FILE[:-1], FILE[: len(FILE) // 2], b"<Error/>", b'{"gid":"1"}\n', FILE[:-8] + b"\0" * 8],
)
def test_what_is_not_a_whole_sound_file_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenFileError):
        whole(pieces(data, 1000))


def test_damage_in_the_middle_is_found() -> None:
    middle = len(FILE) // 2
    with pytest.raises(BrokenFileError):
        whole(pieces(FILE[:middle] + b"\xff" * 40 + FILE[middle + 40 :], 1000))


# ── download ───────────────────────────────────────────────────────────────────────────────────


class Storage:
    """A storage host that answers as a script says."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        self.asked: list[str] = []
        self.script: list[object] = []
        mock.get(requests_mock.ANY, content=self._answer)

    def _answer(self, request: object, context: object) -> bytes:
        headers = request.headers  # type: ignore[attr-defined]
        assert "Authorization" not in headers
        self.asked.append(headers.get("Range", ""))
        step = self.script.pop(0) if self.script else "whole"
        if isinstance(step, Exception):
            raise step
        if isinstance(step, int):
            context.status_code = step  # type: ignore[attr-defined]
            return b""
        if isinstance(step, dict):
            context.headers.update(step)  # type: ignore[attr-defined]
        at = int(headers["Range"][6:-1]) if "Range" in headers and step != "no ranges" else 0
        if at:
            context.status_code = 206  # type: ignore[attr-defined]
            context.headers["Content-Range"] = f"bytes {at}-{len(FILE) - 1}/{len(FILE)}"  # type: ignore[attr-defined]
        return FILE[at:]


@pytest.fixture
def storage() -> Iterator[Storage]:
    with requests_mock.Mocker() as mock:
        yield Storage(mock)


@pytest.fixture
def client() -> Client:
    settings = parse_config({"credentials": {"personal_access_token": "secret-token"}})
    return Client(settings, sleep=lambda _: None)


def download(client: Client, address: str = HOST, not_before: int = 0) -> bytes:
    return b"".join(Download(client, lambda: address, Millis(not_before)).chunks())


@pytest.mark.parametrize(
    "script", [[], [403], [503, 403], [requests.ConnectionError("gone"), 500]], ids=str
)
def test_what_passes_is_tried_again(client: Client, storage: Storage, script: list[object]) -> None:
    storage.script = script
    assert download(client) == FILE


@pytest.mark.parametrize("ranges", ["whole", "no ranges"])
def test_what_was_cut_is_taken_up_where_it_ended(
    client: Client, storage: Storage, monkeypatch: pytest.MonkeyPatch, ranges: str
) -> None:
    """Have the second chunk fail once."""
    storage.script = ["whole", ranges]
    opened = Download._opened
    cuts = iter([True])

    def cut(self: Download, url: str, at: int) -> requests.Response:
        response = opened(self, url, at)
        if next(cuts, False):
            stream = response.raw.stream

            def half(_size: int, **kwargs: object) -> Iterator[bytes]:
                yield next(iter(stream(1000, **kwargs)))
                raise requests.ConnectionError

            response.raw.stream = half
        return response

    monkeypatch.setattr(Download, "_opened", cut)
    assert download(client) == FILE
    assert storage.asked == ["", "bytes=1000-"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([404] * TRIES, "HTTP 404"),
        ([{"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}], "older"),
    ],
)
def test_what_stays_is_said(
    client: Client, storage: Storage, script: list[object], reason: str
) -> None:
    storage.script = script
    with pytest.raises(BrokenFileError, match=reason):
        download(client, not_before=1_780_000_000_000)


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("target", [f"{HOST}/there", "http://elsewhere.example/"])
def test_redirects_stay_on_https(
    client: Client, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    asked = []
    get = Download._get

    def redirected(self: Download, url: str, at: int) -> requests.Response:
        response = get(self, url, at)
        asked.append(url)
        if url == HOST:
            response.status_code = 307
            response.headers["Location"] = target
        return response

    monkeypatch.setattr(Download, "_get", redirected)
    if target.startswith("https"):
        assert download(client) == FILE
        return
    with pytest.raises(BrokenFileError, match="https"):
        download(client)
    assert set(asked) == {HOST}


@pytest.mark.parametrize("address", ["http://storage.example/x", "http://127.0.0.1/x"])
def test_only_https(client: Client, storage: Storage, address: str) -> None:
    with pytest.raises(BrokenFileError, match="https"):
        download(client, address)
    assert storage.asked == []


def test_a_file_that_changed_meanwhile_is_broken(client: Client, storage: Storage) -> None:
    storage.script = [{"ETag": '"1"'}]
    file = Download(client, lambda: HOST, Millis(0))
    assert b"".join(file.chunks()) == FILE
    storage.script = [{"ETag": '"2"'}]
    with pytest.raises(BrokenFileError, match="changed"):
        list(file.chunks())
