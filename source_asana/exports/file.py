"""A large gzipped file behind URLs that expire, as lines; neither is ever in memory completely.

What is cut off is taken up at the byte where it ended. The token never goes to the storage host,
and the URLs, which are keys of their own, never into a log.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from typing_extensions import Buffer, override

from source_asana.http.client import Client
from source_asana.http.clock import Millis, to_millis
from source_asana.http.tries import Tries

CHUNK_BYTES = 1 << 17
# About how much text is decoded at once, whatever a chunk inflates to.
TEXT_BYTES = 1 << 20
# In a row, without one byte of progress.
TRIES = 6
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
REDIRECTS = 3
# Storage hosts stamp files with a clock of their own.
CLOCK_GRAIN = 120_000
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BrokenFileError(Exception):
    """A file that is not what it should be; the message says in words what is wrong with it."""


class _Unavailable(Exception):  # noqa: N818  # what happened, for the tries around it
    """The file cannot be fetched from this URL now."""


@dataclass(slots=True, eq=False)
class Download:
    """One file.

    Attributes:
        client: timeouts, waits and connections; its token is not used.
        url: returns a URL of the file that has not expired; called for every try.
        not_before: a file that was stored before this instant is another one.
    """

    client: Client
    url: Callable[[], str]
    not_before: Millis
    _version: str | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes.

        Raises:
            BrokenFileError: nothing more came for several tries, or the file is not the same any
                more.
        """
        at, reason = 0, ""
        tries = Tries(self._pause, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, most=TRIES)
        for _ in tries:
            begun = at
            try:
                for chunk in self._from(at):
                    at += len(chunk)
                    yield chunk
            except _Unavailable as error:
                reason = str(error)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                reason = f"no answer, {type(error).__name__}"
            else:
                return
            if at > begun:
                tries.progressed()
        raise BrokenFileError(f"it cannot be downloaded ({reason})")

    def _pause(self, seconds: float) -> None:
        self.client.sleep(seconds)
        self.client.stop.check()

    def _from(self, at: int) -> Iterator[bytes]:
        """Yield the bytes from `at` on; a host that knows no ranges sends the others as well."""
        with closing(self._opened(self.url(), at)) as response:
            self._compare(response.headers)
            skipped = at if response.status_code == 200 else 0
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                self.client.stop.check()
                if skipped < len(chunk):
                    yield chunk[skipped:]
                skipped = max(0, skipped - len(chunk))

    def _opened(self, url: str, at: int) -> requests.Response:
        for _ in range(REDIRECTS):
            response = self._get(url, at)
            if not response.is_redirect:
                break
            url = urljoin(url, response.headers["Location"])
            response.close()
        is_range = response.headers.get("Content-Range", "").startswith(f"bytes {at}-")
        if response.status_code == 200 or (response.status_code == 206 and is_range):
            return response
        response.close()
        raise _Unavailable(f"HTTP {response.status_code}")

    def _get(self, url: str, at: int) -> requests.Response:
        """Send one GET without the token, past .netrc and cookies."""
        if not self._is_safe(url):
            raise _Unavailable("its URL is not https")
        headers = {"Range": f"bytes={at}-"} if at else {}
        request = requests.Request("GET", url, headers=headers).prepare()
        session = self.client.session
        settings: Any = session.merge_environment_settings(
            url, proxies={}, stream=True, verify=None, cert=None
        )
        return session.send(request, timeout=self.client.timeout, allow_redirects=False, **settings)

    def _is_safe(self, url: str) -> bool:
        """Return whether a URL is https; a fake Asana on this machine may do without."""
        is_fake = urlsplit(self.client.api_url).hostname in LOOPBACK
        parts = urlsplit(url)
        return parts.scheme == "https" or (is_fake and parts.hostname in LOOPBACK)

    def _compare(self, headers: Mapping[str, str]) -> None:
        """Raise where the file is an old one, or another than in the tries before."""
        stored = _stored(headers)
        if stored is not None and stored < self.not_before - CLOCK_GRAIN:
            raise BrokenFileError("it is older than its job")
        version = headers.get("ETag")
        if self._version is not None and version != self._version:
            raise BrokenFileError("it changed while it was read")
        self._version = version


def _stored(headers: Mapping[str, str]) -> Millis | None:
    try:
        moment = parsedate_to_datetime(headers["Last-Modified"])
    except (KeyError, TypeError, ValueError):
        return None
    return to_millis(moment.replace(tzinfo=moment.tzinfo or UTC).isoformat())


def lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of a gzipped file in order, about a megabyte at a time.

    Raises:
        BrokenFileError: the file is not gzip, is damaged, or ends before its end.
    """
    packed = io.BufferedReader(_Chunks(chunks), CHUNK_BYTES)
    if not packed.peek(1):
        raise BrokenFileError("it is empty")
    try:
        text = io.BufferedReader(gzip.GzipFile(fileobj=packed), TEXT_BYTES)
        while batch := text.readlines(TEXT_BYTES):
            yield [line for line in batch if line != b"\n"]
    except EOFError:
        raise BrokenFileError("it is cut off") from None
    except (gzip.BadGzipFile, zlib.error):
        raise BrokenFileError("it is not a sound gzip file") from None


class _Chunks(io.RawIOBase):
    """Chunks of bytes, read as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        room = memoryview(buffer)
        while not self._rest and (chunk := next(self._chunks, None)) is not None:
            self._rest = memoryview(chunk)
        size = min(len(room), len(self._rest))
        room[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
