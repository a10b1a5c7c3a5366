"""What happens between two answers: calls that tests have made before a certain request.

It also holds what names requests, for hooks and faults alike: a path template, or a regex over the
path and the query.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.spec import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SINGLE_PAGE = frozenset({"offset", "limit", "opt_fields", "opt_pretty"})


@dataclass(frozen=True, slots=True)
class Where:
    """The requests of one template, those that a regex finds, or all."""

    template: str = ""
    pattern: re.Pattern[str] | None = None

    @classmethod
    def named(cls, path: str | None) -> Where:
        """Return the requests that `path` means: a template, a regex, or None for all."""
        if path in ENDPOINTS:
            return cls(template=str(path))
        return cls(pattern=re.compile(path) if path else None)

    def fits(self, path: str, template: str, params: Mapping[str, str]) -> bool:
        """Tell whether a request is one of them."""
        if self.template and self.template != template:
            return False
        query = "&".join(f"{name}={value}" for name, value in params.items())
        text = f"{path}?{query}" if query else path
        return self.pattern is None or self.pattern.search(text) is not None


@dataclass(slots=True)
class Hook:
    """One call to be made, in the server's thread and outside the world's lock.

    Attributes:
        where: the requests that it is about.
        action: what is called.
        page: the page of a listing, counted from 1; a page keeps its number when it is asked for
            again.
        number: the number of the request among those of `where` since the hook was made.
        times: the most calls, or None for no limit.
        seen: requests of `where` so far.
        hits: calls made so far.
    """

    where: Where
    action: Callable[[], object]
    page: int | None = None
    number: int | None = None
    times: int | None = 1
    seen: int = 0
    hits: int = 0

    def is_due(self, path: str, template: str, params: Mapping[str, str], page: int) -> bool:
        """Count a request that fits, and tell whether the call is to be made before its answer."""
        if not self.where.fits(path, template, params):
            return False
        self.seen += 1
        if self.times is not None and self.hits >= self.times:
            return False
        if self.page not in {None, page} or self.number not in {None, self.seen}:
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class Hooks:
    """All hooks of a server, and which page of which listing each offset stands for."""

    waiting: list[Hook] = field(default_factory=list)
    _pages: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, path: str, template: str, params: Mapping[str, str]) -> None:
        """Make the calls that are due before this request is answered."""
        with self._lock:
            page = self._page(path, params)
            due = [hook for hook in self.waiting if hook.is_due(path, template, params, page)]
        for hook in due:
            hook.action()

    def _page(self, path: str, params: Mapping[str, str]) -> int:
        """Return the number of the page that is asked for; the first one has no offset."""
        narrowed = sorted(item for item in params.items() if item[0] not in SINGLE_PAGE)
        offsets = self._pages.setdefault(f"{path}?{narrowed}", [])
        offset = params.get("offset")
        if offset is None:
            offsets.clear()
            return 1
        if offset not in offsets:
            offsets.append(offset)
        return 2 + offsets.index(offset)
