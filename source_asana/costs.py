"""What a first sync and a usual one cost, judging by at most 50 requests."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from statistics import mean

from source_asana.check import workspaces
from source_asana.components.pages import rows
from source_asana.components.retriever import AsanaRetriever
from source_asana.components.shape import Raw
from source_asana.core.versions import Versions
from source_asana.http.attempts import body_of, send
from source_asana.http.budget import FREE_PER_MINUTE, SEARCHES_PER_MINUTE
from source_asana.http.errors import AsanaError
from source_asana.parents.feeds import Ending, Feed, RecursiveFeed
from source_asana.parents.slices import Slice
from source_asana.prepared import Prepared
from source_asana.wiring import router_of, strategy_name

MOST_REQUESTS = 50
PAGE = 100
# Characters of a row in a state, and of an empty one.
ROW, EMPTY = 11, 150
# The share of the tasks that change between two usual syncs.
CHANGED = 0.01
# Of the requests: how many count tasks, read pages of them, and read what hangs on tasks.
FOR_COUNTS, FOR_PAGES, FOR_CHILDREN = 18, 4, 5
TASKS, SUBTASKS = "tasks", "subtasks"
FEW_PAGES, FOR_USERS = 3, 4
CERTAIN, GUESSED = 0.05, 0.3


@dataclass
class Cost:
    """What one stream costs.

    Attributes:
        requests, rows: of a first sync.
        usual: requests of a usual sync.
        state: characters.
    """

    requests: float = 0
    rows: float = 0
    usual: float = 0
    state: float = 0


class Costs:
    """Asks for what decides on the cost.

    Attributes:
        per_minute: the quota.
        doubt: how far the sum may be off, as a share.
    """

    def __init__(self, made: Prepared) -> None:
        self._made = made
        self._runtime = made.runtime
        self._costs: dict[str, Cost] = {}
        self.per_minute = made.runtime.client.budget.per_minute
        self.doubt = CERTAIN
        # How many tasks have attachments, and whether that is only the first page of them.
        self._with_attachments, self._is_more = 0, False

    def costs(self) -> dict[str, Cost]:
        """Return what each stream costs, parents that nobody selected included."""
        self._runtime.workspaces = frozenset(workspaces(self._runtime))
        self._search()
        for name, retriever in self._made.retrievers.items():
            if strategy_name(retriever) not in {"tasks", "subtasks", "task_children"}:
                self._costs[name] = self._of_list(retriever)
        if TASKS in self._made.retrievers:
            self._of_tasks(self._made.retrievers[TASKS])
        for name, cost in self._costs.items():
            retriever = self._made.retrievers[name]
            if retriever.plan.parent_only:
                cost.rows = 0
            elif retriever.cursor.is_incremental:
                empty = EMPTY + retriever.cursor.columns.size()
                cost.state = empty + cost.rows * ROW
                if isinstance(retriever.cursor.strategy.parts().get("tasks"), Versions):
                    tasks = sum(self._costs[n].rows for n in (TASKS, SUBTASKS) if n in self._costs)
                    cost.state = empty + tasks * ROW
        return self._costs

    def _reserved(self) -> int:
        """Return how many requests the tasks need, which cost the most."""
        if TASKS not in self._made.retrievers:
            return 0
        feed = self._runtime.feeds.of("projects")
        projects = (len(feed.items()) if isinstance(feed, Feed) else 0) or FOR_COUNTS
        return min(FOR_COUNTS, projects) + FOR_PAGES + FOR_USERS + 2 * FOR_CHILDREN

    def _left(self) -> int:
        return MOST_REQUESTS - self._made.requests

    def _search(self) -> None:
        """Have a search name tasks with attachments; a workspace without it is on a free plan."""
        for gid in sorted(self._runtime.workspaces)[:FEW_PAGES]:
            path = f"workspaces/{gid}/tasks/search"
            try:
                page = self._get(path, has_attachment="true", opt_fields="gid", limit=PAGE)
            except AsanaError as error:
                if error.verdict.rule.is_plan:
                    self.per_minute = min(self.per_minute, FREE_PER_MINUTE)
            else:
                self._with_attachments += len(page)
                self._is_more |= len(page) >= PAGE

    def _get(self, path: str, **params: object) -> list[Raw]:
        counts = self._runtime.report.counts("estimate")
        return rows(body_of(send(self._runtime.client, path, counts=counts, params=params)))

    # ── streams whose lists are read completely ────────────────────────────────────────────────

    def _of_list(self, retriever: AsanaRetriever) -> Cost:
        """Return the cost of a stream from some of its lists; parents are read further."""
        slices, feed = list(router_of(retriever).stream_slices()), None
        cost = Cost(len(slices))
        if retriever.plan.is_parent:
            feed = self._runtime.feeds.of(retriever.name)
        sizes: list[int] = []
        # A stream that others wait for is read as far as it goes, another one is sampled.
        most = len(slices) if feed is not None else 1
        for slice_ in slices[:most]:
            if self._left() <= self._reserved():
                break
            page = self._first(retriever, slice_)
            sizes.append(len(page))
            if feed is not None:
                for _ in retriever.publish(page, slice_):
                    if isinstance(feed, RecursiveFeed):
                        feed.walked(Ending.COMPLETE)
            self._of_inline(retriever, page)
        if feed is not None:
            feed.announced(Ending.COMPLETE)
        if sizes:
            cost.rows = mean(sizes) * len(slices)
            cost.requests = len(slices) + sum(size // PAGE for size in sizes) * len(slices) / len(
                sizes
            )
        usual = {
            "newest_child": 0.0,
            "lookback_window": len(slices),
            "append_only": len(slices),
        }
        cost.usual = usual.get(strategy_name(retriever), cost.requests)
        return cost

    def _first(self, retriever: AsanaRetriever, slice_: Slice) -> list[Raw]:
        """Return the records of a list, as many pages as are few; none where Asana refuses it."""
        found: list[Raw] = []
        with suppress(AsanaError):
            for page in islice(retriever.pages(slice_), FEW_PAGES):
                found += filter(retriever.filter.keeps, page)
        return found

    def _of_inline(self, retriever: AsanaRetriever, page: Iterable[Raw]) -> None:
        for one in retriever.plan.inline:
            cost = self._costs.setdefault(one.stream, Cost())
            cost.rows += sum(len(record.get(one.column) or ()) for record in page)

    # ── tasks and what hangs on them ───────────────────────────────────────────────────────────

    def _of_tasks(self, retriever: AsanaRetriever) -> None:
        """Set the costs of the task streams."""
        listings = list(router_of(retriever).stream_slices())
        projects = [one for one in listings if "project_gid" in one.partition]
        counts = self._counted(projects)
        tasks = mean(counts) * len(projects) if counts else 0.0
        pages = sum(max(1, -(-count // PAGE)) for count in counts) / max(1, len(counts))
        requests = pages * len(projects) + len(listings) - len(projects)
        shown = self._shown(retriever, projects)
        by_user = self._by_user(retriever, listings)
        # A task in several projects is one record.
        several = (
            mean(1 / max(1, len(task.get("projects") or ())) for task in shown) if shown else 1
        )
        top = tasks * several + by_user
        below, walks = self._below(shown, top)
        settings = self._runtime.settings
        is_listed = not settings.may_search
        # A sync asks for the events of each project, or for the token to begin with.
        events = len(projects) if settings.may_ask_events else 0
        usual = requests if is_listed else len(self._runtime.workspaces) * 1.0
        self._set(TASKS, requests + events, top, usual + events)
        self._set(SUBTASKS, walks, below, walks if is_listed else 0)
        for name in ("stories", "attachments"):
            if name in self._made.retrievers:
                self._of_children(name, shown, top + below, len(projects))

    def _set(self, name: str, requests: float, records: float, usual: float) -> None:
        if name in self._made.retrievers:
            self._costs[name] = Cost(requests, records, usual)

    def _counted(self, projects: list[Slice]) -> list[int]:
        """Return the number of tasks of some projects, of all of them where they are few."""
        found = []
        step = max(1, -(-len(projects) // FOR_COUNTS))
        for project in projects[::step]:
            if self._left() <= FOR_PAGES + FOR_CHILDREN:
                break
            path = f"projects/{project.partition['project_gid']}/task_counts"
            try:
                [counted] = self._get(path, opt_fields="num_tasks")
            except AsanaError:
                continue
            found.append(int(counted.get("num_tasks") or 0))
        if len(found) < len(projects):
            self.doubt = GUESSED
        return found

    def _shown(self, retriever: AsanaRetriever, projects: list[Slice]) -> list[Raw]:
        """Return some tasks."""
        found: list[Raw] = []
        for project in projects[:: max(1, len(projects) // FOR_PAGES)][:FOR_PAGES]:
            with suppress(AsanaError):
                found += next(retriever.paged.pages(project), [])
        return found

    def _by_user(self, retriever: AsanaRetriever, listings: list[Slice]) -> float:
        """Return how many tasks are in no project, judging by a few users."""
        users = [one for one in listings if "user_gid" in one.partition]
        sizes = []
        for one in users[:: max(1, len(users) // FOR_USERS)][:FOR_USERS]:
            with suppress(AsanaError):
                page = next(retriever.paged.pages(one), [])
                sizes.append(sum(not (task.get("projects") or task.get("parent")) for task in page))
        return mean(sizes) * len(users) if sizes else 0.0

    def _below(self, shown: list[Raw], tasks: float) -> tuple[float, float]:
        """Return how many subtasks there are at all levels, and how many tasks have some."""
        numbers = [int(task.get("num_subtasks") or 0) for task in shown]
        if not any(numbers):
            return 0.0, 0.0
        below, walks = mean(numbers) * tasks, sum(map(bool, numbers)) / len(numbers) * tasks
        deeper: list[int] = []
        for task in [one for one in shown if one.get("num_subtasks")][:FOR_CHILDREN]:
            if self._left() <= FOR_CHILDREN:
                break
            found = self._get(
                f"tasks/{task['gid']}/subtasks", opt_fields="num_subtasks", limit=PAGE
            )
            deeper += [int(one.get("num_subtasks") or 0) for one in found]
        if not deeper:
            return below, walks
        share = min(0.9, mean(deeper))
        every = below / (1 - share)
        return every, walks + every * sum(map(bool, deeper)) / len(deeper)

    def _of_children(self, name: str, shown: list[Raw], tasks: float, projects: int) -> None:
        """Set the cost of stories or attachments: a request for each task."""
        sizes = []
        key = "parent" if name == "attachments" else None
        step = max(1, len(shown) // FOR_CHILDREN)
        for task in shown[::step][:FOR_CHILDREN]:
            if self._left() <= 0:
                break
            path = "attachments" if key else f"tasks/{task['gid']}/stories"
            params = {"parent": task["gid"]} if key else {}
            sizes.append(len(self._get(path, opt_fields="gid", limit=PAGE, **params)))
        each = mean(sizes) if sizes else 0.0
        if key and self.per_minute > FREE_PER_MINUTE and self._runtime.settings.may_search:
            found = self._with_attachments
            if self._is_more:
                found = max(found, round(tasks * sum(map(bool, sizes)) / max(1, len(sizes))))
            held = [size for size in sizes if size]
            searches = found // PAGE + 1
            # A search has a quota of its own, and is given up where asking each task is quicker.
            if (searches + 1) / SEARCHES_PER_MINUTE <= (tasks - found) / self.per_minute:
                self._costs[name] = Cost(
                    found + projects + searches,
                    found * (mean(held) if held else 1.0),
                    max(1, tasks * CHANGED),
                )
                return
        requests = tasks + sum(size // PAGE for size in sizes) * tasks / max(1, len(sizes))
        if key:
            requests += projects
        self._costs[name] = Cost(requests, each * tasks, max(1, tasks * CHANGED))
