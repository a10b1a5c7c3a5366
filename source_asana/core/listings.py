"""When each listing was last covered, and what is outstanding: this only saves requests.

The ledger decides what is sent, record by record. An instant is the server's time before the
first request of a listing; a watermark that before the first request of a sync. A gate is the
newest child of a parent whose children were read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, NamedTuple, TypeVar

from source_asana.core.codec import decode_numbers, encode_numbers
from source_asana.core.versions import Versions

TOKEN_LIFE_MS = 23 * 3_600_000
"""How old a sync token may be at the beginning of a sync: Asana keeps events for a day."""
V = TypeVar("V")


@dataclass(slots=True)
class ByKey(Generic[V]):
    """Has something for each key.

    Attributes:
        by_key: that.
    """

    by_key: dict[str, V] = field(default_factory=dict)

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Drop the keys that no longer exist."""
        self.by_key = {key: value for key, value in self.by_key.items() if is_there(key)}


@dataclass(slots=True)
class Numbers(ByKey[int]):
    """Has a number, not negative, for each key: a value of the state."""

    def load(self, value: Any) -> None:
        """Take a stored value.

        Raises:
            ValueError: it is not what `dump` returns.
        """
        self.by_key = decode_numbers(value)

    def dump(self) -> Any:
        """Return the value to store, None for nothing."""
        return encode_numbers(self.by_key) if self.by_key else None

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of a copy, as others may come meanwhile."""
        return iter(list(self.by_key))

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self.by_key)


HOUR = 3_600_000
NEVER = 0
"""The instant of a listing that is known and was never covered."""


@dataclass(slots=True)
class Instants(Numbers):
    """Has an instant, in milliseconds, for each key; `NEVER` for what is known only."""

    def __contains__(self, key: object) -> bool:
        """Return whether a key was covered in this sync or an earlier one."""
        return bool(self.by_key.get(str(key)))

    def get(self, key: str) -> int | None:
        """Return the instant of a key, None for one that was never covered."""
        return self.by_key.get(key) or None

    def move(self, key: str, instant: int | None) -> None:
        """Set an instant; it stays where nothing was covered, or the server's time is not known."""
        if instant is not None:
            self.by_key[key] = instant

    def note(self, key: str) -> None:
        """Remember that a key exists."""
        self.by_key.setdefault(key, NEVER)

    def drop_after(self, now: int) -> None:
        """Count instants that are later than the server's time as none."""
        self.by_key = {key: at if at <= now else NEVER for key, at in self.by_key.items()}


@dataclass(slots=True)
class FullScan:
    """Says whether this sync reads everything: once every so many hours; a value of the state.

    Moves, likes and tags move no timestamp, so only a full scan shows them all.

    Attributes:
        hours: returns the interval; with 0, every sync is a full scan.
        now: returns the server's time before this sync's first request, None before it is known.
        scanned: when the last full scan began, None without one.
    """

    hours: Callable[[], int]
    now: Callable[[], int | None]
    scanned: int | None = None
    _is_due: bool | None = None

    def load(self, value: Any) -> None:
        """Take a stored value; see `Numbers.load`."""
        if not isinstance(value, int):
            raise ValueError("the last full scan is no instant")  # noqa: TRY004  # as others do
        self.scanned = value

    def dump(self) -> Any:
        """Return the value to store, None before the first full scan."""
        return self.scanned

    def is_due(self) -> bool:
        """Return whether this sync is a full scan; decided once, when somebody asks first."""
        return self.decide() if self._is_due is None else self._is_due

    def decide(self) -> bool:
        """Return whether this sync is a full scan, by the hours of now; one that is stays one."""
        now, last = self.now(), self.scanned
        is_late = last is None or (now is not None and now - last >= self.hours() * HOUR)
        self._is_due = is_late or bool(self._is_due)
        return self._is_due

    def begin(self) -> None:
        """Have this sync be a full scan, as another stream needs one."""
        self._is_due = True

    def done(self, began: int | None) -> None:
        """Note that this sync was a full scan, if it was one."""
        if self.is_due() and began is not None:
            self.scanned = began

    def drop_after(self, now: int) -> None:
        """Drop a full scan that is later than the server's time."""
        if self.scanned is not None and self.scanned > now:
            self.scanned = None


@dataclass(slots=True)
class Cost:
    """How many requests the last full scan took; a value of the state."""

    requests: int = 0

    def load(self, value: Any) -> None:
        """Take a stored value; see `Numbers.load`."""
        if not isinstance(value, int):
            raise ValueError("the cost of a full scan is no number")  # noqa: TRY004  # as others do
        self.requests = value

    def dump(self) -> Any:
        """Return the value to store, None before the first full scan."""
        return self.requests or None


@dataclass(slots=True)
class Texts(ByKey[str]):
    """Has a text for each key: a value of the state."""

    def load(self, value: Any) -> None:
        """Take a stored value; see `Numbers.load`."""
        match value:
            case dict() if all(isinstance(text, str) for text in value.values()):
                self.by_key = dict(value)
            case _:
                raise ValueError("a value of the state is not texts by key")

    def dump(self) -> Any:
        """Return the value to store, None for nothing."""
        return dict(self.by_key) or None


@dataclass(slots=True)
class Failed(Texts):
    """Has the tasks whose subtasks could not be read, and their listings.

    What has no listing could not be read itself, see `core.hints.failed_text`.
    """

    def walks(self) -> dict[str, str]:
        """Return the listings of the tasks whose subtasks could not be read."""
        return {gid: listing for gid, listing in self.by_key.items() if listing}

    def tasks(self) -> list[str]:
        """Return what could not be read itself."""
        return [gid for gid, listing in self.by_key.items() if not listing]


class Token(NamedTuple):
    """Where a project's events go on.

    Attributes:
        text: as Asana gave it.
        at: the server's time before the request that it was given for, in milliseconds.
    """

    text: str
    at: int

    def is_usable(self, began: int) -> bool:
        """Return whether Asana still has all events since, in a sync that began then."""
        return self.at >= began - TOKEN_LIFE_MS


def oldest(tokens: Iterable[Token | None], began: int) -> Token | None:
    """Return the oldest usable token, None without one."""
    usable = (one for one in tokens if one is not None and one.is_usable(began))
    return min(usable, key=lambda token: token.at, default=None)


@dataclass(slots=True)
class Tokens(ByKey[Token]):
    """Has the sync token of each project; a value of the state."""

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        match value:
            case dict() if all(_is_token(one) for one in value.values()):
                self.by_key = {key: Token(*one) for key, one in value.items()}
            case _:
                raise ValueError("the tokens are not texts with instants")

    def dump(self) -> Any:
        """Return the value to store, None for nothing."""
        return {key: list(token) for key, token in self.by_key.items()} or None

    def drop_after(self, now: int) -> None:
        """Drop the tokens whose instants are later than the server's time."""
        self.by_key = {key: token for key, token in self.by_key.items() if token.at <= now}

    def keep_usable(self, began: int) -> None:
        """Drop the tokens of which a sync that began then has no use, nor any later one."""
        self.by_key = {key: token for key, token in self.by_key.items() if token.is_usable(began)}


def _is_token(value: Any) -> bool:
    match value:
        case [str(), int()]:
            return True
    return False


@dataclass(slots=True)
class Listings:
    """What one task stream keeps of its listings.

    Whoever changes it holds the stream's lock, and who looks at all versions. What one key answers
    may be asked without.

    Attributes:
        full_scan: when everything is read.
        is_tracked: whether the stream keeps a state in this sync.
        instants: when each listing was covered.
        watermarks: up to when the changes in a workspace were found.
        failed: the walks, and the tasks, that could not be read.
        cost: of a full scan.
        tokens: from which the events of projects go on.
        versions: the tasks whose children were read, of a stream of children.
    """

    full_scan: FullScan
    is_tracked: bool = True
    instants: Instants = field(default_factory=Instants)
    watermarks: Instants = field(default_factory=Instants)
    failed: Failed = field(default_factory=Failed)
    cost: Cost = field(default_factory=Cost)
    tokens: Tokens = field(default_factory=Tokens)
    versions: Versions | None = None

    def parts(self) -> dict[str, Any]:
        """Return the values of the state by their names there."""
        parts = {
            "listings": self.instants,
            "watermarks": self.watermarks,
            "scanned": self.full_scan,
            "scan_requests": self.cost,
            "failed": self.failed,
            "tokens": self.tokens,
        }
        return parts if self.versions is None else {**parts, "tasks": self.versions}

    def clear(self) -> None:
        """Have everything be outstanding."""
        self.instants.by_key = dict.fromkeys(self.instants.by_key, NEVER)

    def is_outstanding(self, listing: str, workspace: str) -> bool:
        """Return whether a listing was not covered when the changes of its workspace were found."""
        instant = self.instants.get(listing)
        is_old = instant is None or instant < (self.watermarks.get(workspace) or 0)
        return self.is_tracked and is_old

    def last_sync(self) -> int:
        """Return when the last sync of the stream began, 0 before the first."""
        return max(self.watermarks.by_key.values(), default=0)

    def has_task(self, gid: str) -> bool:
        """Return whether children of a task were read, or are due."""
        return self.versions is not None and self.versions.is_known(gid)

    def settle(
        self,
        began: int | None,
        named: Mapping[str, Collection[str]],
        passed_over: Collection[str],
        failed: Mapping[str, str],
    ) -> None:
        """Take note of a sync that found what there was to find, however single listings ended.

        Args:
            began: the server's time before its first request.
            named: workspace -> the listings in it that exist.
            passed_over: the listings that were not read, as the changes in their workspaces were
                found without them.
            failed: gid -> listing of the walks that failed, "" of a task that could not be read.
        """
        for workspace, listings in named.items():
            for listing in listings:
                if listing in passed_over and not self.is_outstanding(listing, workspace):
                    self.instants.move(listing, began)
                self.instants.note(listing)
            self.watermarks.move(workspace, began)
        self.watermarks.keep_only(named.__contains__)
        self.failed.by_key = dict(failed)
        self.full_scan.done(began)


@dataclass(slots=True)
class Gates(Numbers):
    """Has, per parent, a number that stands for its newest child."""

    def __contains__(self, key: object) -> bool:
        """Return whether a parent's children have been read."""
        return key in self.by_key

    def shows_another(self, key: str, gid: str | None) -> bool:
        """Return whether the newest child is another one than when the children were read."""
        return self.by_key.get(key) != number_of(gid)

    def close(self, key: str, gid: str | None) -> None:
        """Remember the newest child of a parent whose children were read."""
        self.by_key[key] = number_of(gid)


def number_of(gid: str | None) -> int:
    """Return a number below 2**63 that stands for a gid of any form, 0 where there is none."""
    if not gid:
        return 0
    if gid.isdigit() and len(gid) < 19:
        return int(gid)
    return int.from_bytes(blake2b(gid.encode(), digest_size=7).digest(), "big")
