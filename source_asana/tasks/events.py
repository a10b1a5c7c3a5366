"""Asks Asana what happened in the projects since the last sync, for changes that move no timestamp.

Source: getEvents. Asana keeps events for a day and delivers each at most once. So they are hints:
they tell which tasks to read, and a missing one costs time until the next full scan.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests

from source_asana.components.deletions import Deletions
from source_asana.components.events import fresh_token, next_token
from source_asana.core.hints import (
    CHILDREN,
    DELETIONS,
    Event,
    Hint,
    Kind,
    TaskHint,
    TaskHints,
    event_of,
    failed_text,
    hints_of,
    hints_of_failed,
)
from source_asana.core.listings import Listings, Token, oldest
from source_asana.core.named import Named
from source_asana.http.attempts import body_of
from source_asana.http.clock import Millis, to_millis
from source_asana.http.errors import AsanaError, Reach, Refused, SyncTokenExpired
from source_asana.parents.slices import is_user_key
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.events")
MINUTES_WORTH_REPLACING = 5
"""A full scan that takes no longer than this is cheap enough to do at every sync."""
ONE_IN = 10
"""So many of the projects are listed where Asana refuses their tokens."""

Ask = Callable[[str | None], requests.Response]


class Events:
    """The events of one sync, and the hints that they give.

    Threads: every method may be called by any of them; the lock is held for short, and no other
    one is taken below it.

    Args:
        runtime: what all streams share.
        cost: returns about how many requests the listing of a project takes.

    Attributes:
        replaces: whether projects with events need no listing though no search finds changes.
        to_list: the projects whose listings are read, as their events say so or were too many.
        tokens: project -> the token to go on from in the next sync.
        failed: what could not be read, see `core.hints.failed_text`.
        are_read: whether every hint was followed.
    """

    def __init__(self, runtime: Runtime, cost: Callable[[str], int]) -> None:
        self._runtime = runtime
        self._cost = cost
        self._lock = threading.Lock()
        self._is_on = False
        # Before search shows whether the plan is free: without search, events replace listings.
        self._quota = runtime.client.budget.per_minute
        self._usable: dict[str, Token] = {}
        # The projects whose events tell each stream all that happened since its last sync.
        self._unbroken: set[str] = set()
        self._hints = TaskHints()
        self._named = Named()
        self._deletions = runtime.part(Deletions)
        self._asked: set[str] = set()
        self._is_probing = False
        self._probed = threading.Event()
        self._broken = 0
        self.replaces = False
        self.to_list: set[str] = set()
        self.tokens: dict[str, Token] = {}
        self.failed: set[str] = set()
        self.are_read = False

    # ── before the first slice ─────────────────────────────────────────────────────────────────

    def plan(self, selected: Sequence[Listings]) -> None:
        """Decide whether this sync asks, and from which tokens on."""
        settings, began = self._runtime.settings, self._runtime.clock.began()
        for failed in {one for stream in selected for one in stream.failed.tasks()}:
            for hint in hints_of_failed(failed):
                self._hints.add(hint)
        is_tracked = bool(selected) and all(stream.is_tracked for stream in selected)
        if not (settings.may_ask_events and is_tracked and began is not None):
            return
        last = max((stream.last_sync() for stream in selected), default=0)
        projects = {key for one in selected for key in one.instants if not is_user_key(key)}
        self._is_on = not last or Token("", last).is_usable(began)
        if self._is_on and self._may_ask(len(projects)):
            for key in projects:
                tokens = [stream.tokens.by_key.get(key) for stream in selected]
                if token := oldest(tokens, began):
                    self._usable[key] = token
                if all(one and one.is_usable(began) for one in tokens):
                    self._unbroken.add(key)

    def _may_ask(self, projects: int) -> bool:
        """Return whether the events of so many projects may be asked for; if not, none are."""
        is_auto = self._runtime.settings.change_detection == "auto"
        if is_auto and projects > self._quota:
            self._is_on = False
            # The next sync would not use them, and they take room in the state.
            self.tokens.clear()
            LOGGER.info(
                "The events of %d projects or more are not asked for, as that would take more than "
                "a minute of the request quota. Set `change_detection` to `events` to have them.",
                projects,
            )
        return self._is_on

    @property
    def are_usable(self) -> bool:
        """Whether projects have tokens that tell what happened since the last sync."""
        return bool(self._usable)

    def replace_listings(self, requests_of_scan: int) -> None:
        """Have events replace listings, if that saves much, as no search finds changes.

        Args:
            requests_of_scan: how many a full scan takes, 0 where that is not known.
        """
        per_minute = self._runtime.client.budget.per_minute
        is_worth = is_worth_replacing(requests_of_scan, per_minute)
        is_wanted = self._runtime.settings.change_detection == "events"
        self.replaces = self._is_on and self.are_usable and (is_wanted or is_worth)

    def covers(self, key: str) -> bool:
        """Return whether the events of a project replace its listing, if none is missing."""
        return self.replaces and self._is_on and key in self._unbroken

    # ── slices of `tasks` ──────────────────────────────────────────────────────────────────────

    def takes(self, key: str) -> bool:
        """Return whether the events of a listing are to be asked for; true once."""
        with self._lock:
            if not self._is_on or is_user_key(key) or key in self._asked:
                return False
            self._asked.add(key)
            # A first sync does not know how many projects there are.
            return self._may_ask(len(self._asked - self._usable.keys()))

    # ── what happened in one project; called by workers ────────────────────────────────────────

    def ask(self, key: str, began: Millis | None, ask: Ask) -> None:
        """Ask for the events of a project, or only for a token.

        Args:
            key: the project's gid.
            began: the server's time before the first request.
            ask: sends the request with a token, or without one.
        """
        self._wait_for_first()
        is_unbroken = False
        try:
            if self._is_on and began is not None:
                is_unbroken = self._follow(key, began, ask)
        except Refused as refusal:
            self._refused(refusal)
        except AsanaError:
            LOGGER.debug("Project %s: the next sync asks again, with the same token.", key)
        finally:
            self._probed.set()
            if not is_unbroken:
                with self._lock:
                    self._unbroken.discard(key)

    def _wait_for_first(self) -> None:
        """Have the first project go ahead alone: a missing scope is refused once."""
        with self._lock:
            is_first, self._is_probing = not self._is_probing, True
        if not is_first:
            self._runtime.stop.wait_for(self._probed)

    def _refused(self, refusal: Refused) -> None:
        if refusal.verdict.rule.reach is Reach.PARTITION:
            return
        with self._lock:
            self._is_on = False
        self._runtime.report.once(
            logging.INFO,
            "The token may not read events, so changes that move no timestamp arrive with the next "
            f'full scan. Asana said: "{refusal.verdict.message}".',
        )

    def _follow(self, key: str, began: Millis, ask: Ask) -> bool:
        """Take the hints of a project; return whether all events since its token came."""
        known = self._usable.get(key)
        if known is None:
            self._keep(key, self._fresh(ask), began)
            return False
        text = known.text
        try:
            for number, (events, following) in enumerate(self._chain(text, ask), 1):
                text = following
                self._take(events, key)
                if number > 1 and number > self._cost(key):
                    # The listing is cheaper than what may still come.
                    self._keep(key, self._fresh(ask), began)
                    self._list(key)
                    return False
        except SyncTokenExpired as expired:
            self._keep(key, fresh_token(expired), began)
            self._list_broken(key)
            return False
        self._keep(key, text, began)
        return True

    def _chain(self, token: str, ask: Ask) -> Iterator[tuple[list[Event], str]]:
        """Yield the events of each answer and the token after it, one answer after the other."""
        seen, now = {token}, self._runtime.clock.began() or 0
        while True:
            body = body_of(ask(token))
            token = next_token(body)
            events = events_in(body)
            yield events, token
            newest = max((event.at for event in events), default=0)
            if not body.get("has_more") or token in seen or newest >= now:
                return
            seen.add(token)

    def _take(self, events: Sequence[Event], project: str) -> None:
        for event in events:
            if event.kind in CHILDREN and event.action in DELETIONS:
                self._deletions.note(event.gid, event.at)
        with self._lock:
            for event in events:
                self._named.take(event, project)
                for hint in hints_of(event, project):
                    if hint.kind is Kind.LISTING:
                        self.to_list.add(project)
                    else:
                        self._hints.add(hint, project)

    def _list(self, project: str) -> None:
        with self._lock:
            self.to_list.add(project)

    def _fresh(self, ask: Ask) -> str:
        """Return a token for what happens from now on."""
        try:
            token = next_token(body_of(ask(None)))
        except SyncTokenExpired as expired:
            token = fresh_token(expired)
        return token

    def _keep(self, key: str, token: str, began: Millis) -> None:
        with self._lock:
            if token and self._is_on:
                self.tokens[key] = Token(token, began)

    def _list_broken(self, project: str) -> None:
        """Have a project listed whose token is refused, unless there are many of them."""
        with self._lock:
            self._broken += 1
            if self._broken <= max(1, len(self._usable) // ONE_IN):
                self.to_list.add(project)

    # ── hints ──────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def named(self) -> Iterator[Named]:
        """Lend the records that events name, with the lock."""
        with self._lock:
            yield self._named

    def hint(self, hint: Hint) -> None:
        """Take a hint that reading another one has given."""
        with self._lock:
            self._hints.add(hint)
            if hint.kind is Kind.CHANGED:
                self._named.note(hint.gid, hint.at)

    def again(self, gid: str) -> None:
        """Have a task read in the next round, when its parent was."""
        with self._lock:
            self._hints.again(gid)

    def of(self, gid: str) -> TaskHint:
        """Return what is hinted of a task."""
        with self._lock:
            return self._hints.tasks[gid]

    def by_task(self) -> dict[str, TaskHint]:
        """Return what is hinted of each task."""
        with self._lock:
            return dict(self._hints.tasks)

    def take(self) -> list[str | Hint]:
        """Return what is to be followed now; see `TaskHints.take`."""
        with self._lock:
            return self._hints.take()

    def due_at(self, child: str, gid: str) -> int | None:
        """Return when children of a task changed that its version need not show, or None."""
        with self._lock:
            known = self._hints.tasks.get(gid)
            return known.due.get(child) if known else None

    def fail(self, found: Iterable[str | Hint]) -> None:
        """Note that tasks, or children of unknown tasks, could not be read: the next sync does."""
        with self._lock:
            self.failed.update(map(failed_text, found))


def events_in(body: Mapping[str, Any]) -> list[Event]:
    """Return the events of an answer; what is no object is passed over."""
    found = [one for one in body.get("data") or () if isinstance(one, dict)]
    return [event_of(one, to_millis(one.get("created_at")) or 0) for one in found]


def is_worth_replacing(requests_of_scan: float, per_minute: float) -> bool:
    """Return whether a full scan takes too long to be done at every sync."""
    return requests_of_scan > MINUTES_WORTH_REPLACING * per_minute
