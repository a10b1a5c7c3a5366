"""`estimate`: what a first sync and a usual one cost, judging by at most 50 requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from random import Random
from statistics import mean, pstdev
from typing import Any

from source_asana.check import workspaces
from source_asana.components.pages import rows
from source_asana.components.retriever import AsanaRetriever
from source_asana.core.versions import Versions
from source_asana.cursors.sending import Raw
from source_asana.http.budget import FREE_PER_MINUTE, SEARCHES_PER_MINUTE
from source_asana.http.clock import to_millis
from source_asana.http.errors import AsanaError, Reach
from source_asana.parents.feeds import Ending, Feed, RecursiveFeed
from source_asana.parents.slices import Slice
from source_asana.tasks.events import is_worth_replacing
from source_asana.tasks.strategies import TaskStreamStrategy
from source_asana.wiring import router_of, strategy_name
from source_asana_commands.prepared import Prepared


def estimated(made: Prepared) -> Iterator[str]:
    """Yield the cost of each stream, and that of a first sync and a usual one."""
    found = Costs(made)
    costs = found.costs()
    shown = {name: costs[name] for name in made.retrievers if name in costs}
    wide = max(len(name) for name in shown)
    yield f"{'stream':<{wide}}  first: requests      rows     state  usual: requests      rows"
    for name, cost in shown.items():
        yield (
            f"{name:<{wide}}  {cost.requests:>15.0f}  {cost.rows:>8.0f}  {cost.state:>8.0f}  "
            f"{cost.usual:>15.0f}  {cost.usual_rows:>8.0f}"
        )
    state = sum(cost.state for cost in shown.values())
    first = [(cost.requests, cost.rows) for cost in shown.values()]
    usual = [(cost.usual, cost.usual_rows) for cost in shown.values()]
    yield f"First sync: {_summed(first, found)}, {state:.0f} characters of state."
    yield f"Usual sync: {_summed(usual, found)}."
    for name in found.cut:
        yield f"At least: {name} has more records than could be counted."
    yield f"Asked with {made.requests} requests."


def _summed(costs: list[tuple[float, float]], found: Costs) -> str:
    requests, rows = (sum(column) for column in zip(*costs, strict=True))
    low, high = requests * (1 - found.doubt), requests * (1 + found.doubt)
    minute = found.per_minute
    return (
        f"{requests:.0f} requests ({max(0, low):.0f} to {high:.0f}), about "
        f"{requests / minute:.1f} minutes at {minute:.0f} a minute, {rows:.0f} rows"
    )


MOST_REQUESTS = 50
PAGE = 100
# Characters of a row in a state, of a column, of a project's sync token, and of an empty state.
ROW, COLUMN, TOKEN, EMPTY = 9.8, 6, 140, 180
# The share of the tasks that change between two usual syncs.
CHANGED = 0.01
TASKS, SUBTASKS = "tasks", "subtasks"
# How many requests go to which question, where there are not enough for all.
FOR_USERS, FOR_BELOW, FOR_FILES, FOR_STORIES, FOR_LISTS = 3, 3, 2, 10, 4
FOR_PARENT, FOR_SEARCH = 10, 3
# So many projects are counted as they have the most tasks of some users.
LARGEST = 5
SURE = 30
# Where in the order of its lists a stream is sampled.
PLACES = (0.5, 0.2, 0.8)
CERTAIN, MOST_DOUBT = 0.05, 0.45
FIELDS = "assignee.gid,created_at,modified_at,num_subtasks,parent.gid,projects.gid"


@dataclass
class Cost:
    """What one stream costs.

    Attributes:
        requests, rows: of a first sync.
        usual, usual_rows: of a usual sync.
        state: characters.
    """

    requests: float = 0
    rows: float = 0
    usual: float = 0
    usual_rows: float = 0
    state: float = 0


class Costs:
    """Asks for what decides on the cost.

    Attributes:
        per_minute: the quota.
        doubt: how far the sum may be off, as a share.
        cut: the streams with more records than were counted.
    """

    def __init__(self, made: Prepared) -> None:
        self._made = made
        self._runtime = made.runtime
        self._costs: dict[str, Cost] = {}
        self.per_minute = made.runtime.client.budget.per_minute
        self.doubt = CERTAIN
        self.cut: list[str] = []
        # Workspace -> its tasks with attachments, when each was created, and whether these are all.
        self._searched: dict[str, tuple[dict[str, int], bool]] = {}

    def costs(self) -> dict[str, Cost]:
        """Return what each stream costs, parents that nobody selected included."""
        self._runtime.workspaces = frozenset(workspaces(self._runtime))
        self._search()
        lists: list[AsanaRetriever] = []
        for name, one in self._made.retrievers.items():
            if isinstance(one.cursor.strategy, TaskStreamStrategy):
                continue
            if one.plan.is_parent:
                self._costs[name] = self._of_parent(one)
            else:
                lists.append(one)
        # The last one takes all that is left.
        children = {"attachments": FOR_FILES, "stories": FOR_STORIES}
        children = {name: most for name, most in children.items() if name in self._made.retrievers}
        reserved = sum(children.values())
        if TASKS in self._made.retrievers:
            tasks = _Tasks(self, self._made, reserved + min(FOR_LISTS, len(lists)))
        self._of_lists(lists, reserved)
        if TASKS in self._made.retrievers:
            self._of_tasks(tasks, children)
        for name, cost in self._costs.items():
            self._finish(self._made.retrievers[name], cost)
        return self._costs

    def _finish(self, retriever: AsanaRetriever, cost: Cost) -> None:
        """Leave out the rows of what nobody selected, and add the size of the state."""
        cursor = retriever.cursor
        if retriever.plan.parent_only:
            cost.rows = cost.usual_rows = 0
        elif cursor.is_incremental:
            kept = cost.rows
            if isinstance(cursor.strategy, TaskStreamStrategy):
                cost.state = TOKEN * self.events[1]
            if isinstance(cursor.strategy.parts().get("tasks"), Versions):
                kept = sum(self._costs[n].rows for n in (TASKS, SUBTASKS) if n in self._costs)
            cost.state += EMPTY + COLUMN * cursor.columns.number + kept * ROW

    @property
    def left(self) -> int:
        """How many requests may still be sent."""
        return MOST_REQUESTS - self._made.requests

    def get(self, path: str, **params: object) -> list[Raw]:
        """Return what Asana answers, of a list the first page."""
        return rows(self._made.ask(path, **params))

    def _search(self) -> None:
        """Have a search name tasks with attachments; a workspace without it is on a free plan."""
        for gid in sorted(self._runtime.workspaces)[:FOR_SEARCH]:
            created: dict[str, int] = {}
            params: dict[str, Any] = {"has_attachment": "true", "sort_by": "created_at"}
            try:
                for _ in range(FOR_SEARCH):
                    page = self.get(
                        f"workspaces/{gid}/tasks/search",
                        **params,
                        sort_ascending="true",
                        opt_fields="created_at",
                        limit=PAGE,
                    )
                    created |= {task["gid"]: to_millis(task["created_at"]) or 0 for task in page}
                    self._searched[gid] = created, len(page) < PAGE
                    if len(page) < PAGE:
                        break
                    params["created_at.after"] = page[-1]["created_at"]
            except AsanaError as error:
                if error.verdict.rule.is_plan:
                    self.per_minute = min(self.per_minute, FREE_PER_MINUTE)

    @property
    def is_searched(self) -> bool:
        """Whether a search finds what changed."""
        return self._runtime.settings.may_search and bool(self._searched)

    # ── streams whose lists are read completely ────────────────────────────────────────────────

    def _of_parent(self, retriever: AsanaRetriever) -> Cost:
        """Return the cost of a stream that others wait for: as far as can be, it is read."""
        feed = self._runtime.feeds.of(retriever.name)
        slices = list(router_of(retriever).stream_slices())
        cost = Cost(len(slices))
        for slice_ in slices:
            if self.left <= MOST_REQUESTS // 2:
                self.cut.append(retriever.name)
                break
            with suppress(AsanaError):
                for number, page in enumerate(islice(retriever.pages(slice_), FOR_PARENT), 1):
                    cost.requests += number > 1
                    kept = list(filter(retriever.filter.keeps, page))
                    cost.rows += len(kept)
                    for _ in retriever.publish(kept, slice_):
                        if isinstance(feed, RecursiveFeed):
                            feed.walked(Ending.COMPLETE)
                    self._of_inline(retriever, kept)
                    if number == FOR_PARENT:
                        self.cut.append(retriever.name)
        feed.announced(Ending.COMPLETE)
        cost.usual = cost.requests
        return cost

    def _of_inline(self, retriever: AsanaRetriever, page: Sequence[Raw]) -> None:
        for one in retriever.plan.inline:
            cost = self._costs.setdefault(one.stream, Cost())
            cost.rows += sum(len(record.get(one.column) or ()) for record in page)

    def _of_lists(self, lists: list[AsanaRetriever], reserved: int) -> None:
        """Set the costs of streams that nobody waits for, judging by a few of their lists."""
        slices = {one.name: list(router_of(one).stream_slices()) for one in lists}
        lists.sort(key=lambda one: (not one.probe_first, -len(slices[one.name])))
        sizes: dict[str, list[float]] = {one.name: [] for one in lists}
        refused: set[str] = set()
        for place in PLACES:
            for one in lists:
                found, all_ = sizes[one.name], slices[one.name]
                if self.left > reserved and len(found) < len(all_) and one.name not in refused:
                    try:
                        found.append(self._size(one, all_, place))
                    except AsanaError as error:
                        if error.verdict.rule.reach is not Reach.PARTITION:
                            refused.add(one.name)
        for one in lists:
            self._costs.setdefault(one.name, self._of_list(one, slices[one.name], sizes[one.name]))
            if one.name in refused:
                # Where the first list of a workspace is refused, no other is asked for.
                asked = len({slice_.workspace for slice_ in slices[one.name]})
                self._costs[one.name] = Cost(asked, 0, asked)

    def _size(self, retriever: AsanaRetriever, slices: list[Slice], place: float) -> float:
        """Return how many records a list has, for one of average size."""
        if all(slice_.key in self._runtime.workspaces for slice_ in slices):
            projects = Counter(one["workspace_gid"] for one in self._projects())
            largest = max(slices, key=lambda slice_: projects[slice_.key])
            share = projects[largest.key] / max(1, projects.total())
            found = next(iter(retriever.pages(largest)), [])
            return len(found) / max(share, 1 / len(slices)) / len(slices)
        found = next(iter(retriever.pages(slices[int(place * len(slices))])), [])
        return len(list(filter(retriever.filter.keeps, found)))

    def _projects(self) -> list[Any]:
        if "projects" not in self._costs:
            return []
        return self._runtime.feeds.of_kind(Feed, "projects").items()

    def _of_list(self, retriever: AsanaRetriever, slices: list[Slice], sizes: list[float]) -> Cost:
        # One record in each list that nobody has looked at.
        size, number = mean(sizes) if sizes else 1, len(slices)
        cost = Cost(number + number * (size // PAGE), number * size)
        name = strategy_name(retriever)
        if name == "sync_token":
            cost.rows = 0
        windows = {"newest_child": 0.0, "lookback_window": number, "append_only": number}
        cost.usual = windows.get(name, cost.requests)
        return cost

    # ── tasks and what hangs on them ───────────────────────────────────────────────────────────

    def _of_tasks(self, tasks: _Tasks, children: dict[str, int]) -> None:
        """Set the costs of the task streams."""
        settings = self._runtime.settings
        self.doubt += tasks.doubt
        workspaces_ = len(self._runtime.workspaces)
        tokens, events = self.events
        first, usual, walks = tasks.pages + tokens, tasks.pages + events, tasks.walks
        changed = (tasks.top + tasks.below) * CHANGED
        scan = tasks.pages + tasks.walks
        if self.is_searched:
            # One more search of each workspace shows that the first was all.
            usual, walks = 2 * workspaces_ + events, 0
        elif events and is_worth_replacing(scan, self.per_minute):
            usual, walks = tasks.users + events + changed, 0
        elif settings.may_search:
            usual += workspaces_
        self._set(TASKS, Cost(first, tasks.top, usual, tasks.top * CHANGED))
        self._set(SUBTASKS, Cost(tasks.walks, tasks.below, walks, tasks.below * CHANGED))
        for name, most in children.items():
            asked = self.left if name == "stories" else min(most, self.left)
            self._costs[name] = self._of_children(name, tasks, asked)

    @property
    def events(self) -> tuple[int, int]:
        """How many projects a first sync takes tokens of, and a usual one asks for events."""
        settings, projects = self._runtime.settings, len(self._projects())
        if not settings.may_ask_events:
            return 0, 0
        most = int(self._runtime.client.budget.per_minute)
        if settings.change_detection == "auto" and projects > most:
            return most, 0
        return projects, projects

    def _set(self, name: str, cost: Cost) -> None:
        if name in self._made.retrievers:
            self._costs[name] = cost

    def _of_children(self, name: str, tasks: _Tasks, asked: int) -> Cost:
        """Return the cost of stories or attachments: a request for each task."""
        is_files, own = name == "attachments", 0
        if is_files:
            briefs = self._costs.get("project_briefs")
            own = len(tasks.projects) + round(briefs.requests if briefs else 0)
            if self.is_searched:
                return self._of_files_by_search(tasks, own, asked)
        sizes = self._sizes(name, [task["gid"] for task in tasks.shown], asked)
        each = mean(sizes)
        pages = 1 + mean(size // PAGE for size in sizes)
        changed = tasks.number * CHANGED
        # A search for attachments is refused once in each workspace.
        refused = len(self._runtime.workspaces) * (is_files and self._runtime.settings.may_search)
        return Cost(
            tasks.number * pages + own + refused,
            tasks.number * each,
            changed * pages + own * (not self.is_searched),
            changed * each,
        )

    def _sizes(self, name: str, gids: Sequence[str], asked: int) -> list[int]:
        """Return how many stories or attachments some of these tasks have; one if none is read."""
        sizes = []
        for gid in some(gids, asked):
            path, params = f"tasks/{gid}/stories", {}
            if name == "attachments":
                path, params = name, {"parent": gid}
            with suppress(AsanaError):
                sizes.append(len(self.get(path, opt_fields="gid", limit=PAGE, **params)))
        return sizes or [1]

    def _of_files_by_search(self, tasks: _Tasks, own: int, asked: int) -> Cost:
        """Return the cost of attachments where a search names the tasks that have some."""
        found = searches = 0.0
        for created, is_all in self._searched.values():
            share = 1.0 if is_all else tasks.share_until(max(created.values()))
            found += len(created) / share
            # One more shows that these were all.
            searches += len(created) / share // PAGE + 2
        gids = [gid for created, _ in self._searched.values() for gid in created]
        each = mean(self._sizes("attachments", gids, asked))
        changed = tasks.number * CHANGED
        cost = Cost(found + own + searches, found * each, changed, found * each * CHANGED)
        # A search has a quota of its own, and is given up where asking each task is quicker.
        if searches / SEARCHES_PER_MINUTE > (tasks.number - found) / self.per_minute:
            cost.requests = tasks.number + own + 1
        return cost


class _Tasks:
    """Judges the tasks by some of the projects, and by some of the users.

    Attributes:
        projects: the gids of those that are listed.
        shown: some tasks and subtasks.
        top, below: how many tasks and subtasks are sent.
        number: how many both are, none counted twice.
        pages, users: requests for all listings, and for those of users.
        walks: how many tasks have subtasks.
        doubt: how far the numbers may be off, as a share.
    """

    def __init__(self, costs: Costs, made: Prepared, reserved: int) -> None:
        self._costs, self._made, self._reserved = costs, made, reserved
        self.doubt = 0.0
        listings = list(router_of(made.retrievers[TASKS]).stream_slices())
        users = [one for one in listings if "user_gid" in one.partition]
        self.projects = [one.key for one in listings if "user_gid" not in one.partition]
        # Tasks, each with the number that it stands for.
        self._weighed: list[tuple[Raw, float]] = []
        of_users, alone = self._of_users(users)
        self.pages = self._of_projects(of_users)
        self.shown = [task for task, _ in self._weighed] + of_users
        every = self._sum(lambda _: 1)
        below = self._sum(lambda task: bool(task.get("parent")))
        self.top, self.walks = every + alone, 0.0
        self.below = self._below(1 + alone / max(1, every - below))
        self.number = self.top + self.below - below
        assigned = self._sum(lambda task: bool(task.get("assignee"))) + alone
        self.users = max(len(users), assigned / PAGE + len(users) / 2) * bool(users)
        self.pages += self.users
        if made.runtime.settings.start_date:
            start = to_millis(made.runtime.settings.start_date) or 0
            later = self._sum(lambda task: (to_millis(task.get("modified_at")) or 0) >= start)
            for name in ("top", "below", "number"):
                setattr(self, name, getattr(self, name) * later / max(1, every))

    def share_until(self, created: int) -> float:
        """Return which share of the tasks was created until then."""
        until = self._sum(lambda task: (to_millis(task.get("created_at")) or 0) <= created)
        return max(0.01, until / max(1, self._sum(lambda _: 1)))

    def _sum(self, of: Callable[[Raw], float]) -> float:
        return sum(weight * of(task) for task, weight in self._weighed)

    def _page(self, **params: object) -> list[Raw]:
        """Return the first tasks of a listing."""
        with suppress(AsanaError):
            return self._costs.get("tasks", opt_fields=FIELDS, limit=PAGE, **params)
        return []

    def _of_users(self, users: list[Slice]) -> tuple[list[Raw], float]:
        """Return tasks of some users, and how many tasks of all are in no project.

        The token's user alone sees those that are private, so these are all looked at.
        """
        if not users:
            return [], 0.0
        me = self._made.retrievers[TASKS].lookup.token_user()
        own = [one for one in users if one.partition["user_gid"] == me]
        others = [one for one in users if one not in own]
        chosen = some(others, FOR_USERS)
        found, alone = list[Raw](), 0.0
        for one in [*own, *chosen]:
            weight = 1.0 if one in own else len(others) / len(chosen)
            page = self._page(assignee=one.partition["user_gid"], workspace=one.workspace)
            alone += weight * sum(not (t.get("projects") or t.get("parent")) for t in page)
            found += page
        return found, alone

    def _of_projects(self, of_users: list[Raw]) -> float:
        """Look at all projects, or at some: surely at those with most of these tasks.

        Returns:
            How many pages all projects have.
        """
        room = self._costs.left - self._reserved - FOR_BELOW
        tally = Counter(one["gid"] for task in of_users for one in task.get("projects") or ())
        surely = [gid for gid, _ in tally.most_common() if gid in set(self.projects)]
        surely = self.projects if len(self.projects) < room else surely[:LARGEST]
        others = [gid for gid in self.projects if gid not in set(surely)]
        chosen = some(others, max(1, room - 2 * len(surely)))
        pages, sizes = 0.0, []
        for gid in [*surely, *chosen]:
            weight = 1.0 if gid in surely else len(others) / len(chosen)
            page = self._page(project=gid)
            size = len(page)
            if size >= PAGE and self._costs.left > self._reserved:
                with suppress(AsanaError):
                    path = f"projects/{gid}/task_counts"
                    [counted] = self._costs.get(path, opt_fields="num_tasks")
                    size = max(size, int(counted.get("num_tasks") or 0))
            pages += weight * max(1, -(-size // PAGE))
            sizes += [size] if gid in chosen else []
            self._weigh(page, weight * size / max(1, len(page)))
        if len(sizes) < len(others):
            total = max(1, self._sum(lambda _: 1))
            deviation = pstdev(sizes) if len(sizes) > LARGEST else max(sizes)
            doubt = 2 * deviation * len(others) / len(sizes) ** 0.5 / total
            self.doubt = min(MOST_DOUBT, doubt)
        return pages

    def _weigh(self, page: list[Raw], each: float) -> None:
        """Note the tasks of a project; one in several projects is one record."""
        read = set(self.projects)
        for task in page:
            several = len({one["gid"] for one in task.get("projects") or ()} & read)
            self._weighed.append((task, each / max(1, several)))

    def _below(self, scale: float) -> float:
        """Return how many subtasks there are at all levels; count the tasks that have some."""
        number = {task["gid"]: task.get("num_subtasks") or 0 for task in self.shown}
        direct = scale * self._sum(lambda task: not task.get("parent") and number[task["gid"]])
        self.walks = scale * self._sum(
            lambda task: not task.get("parent") and number[task["gid"]] > 0
        )
        deeper = [number[task["gid"]] for task in self.shown if task.get("parent")]
        for gid in sorted(number, key=lambda gid: -number[gid])[:FOR_BELOW]:
            if number[gid] and len(deeper) < SURE and self._costs.left > self._reserved:
                with suppress(AsanaError):
                    path, fields = f"tasks/{gid}/subtasks", "num_subtasks"
                    found = self._costs.get(path, opt_fields=fields, limit=PAGE)
                    deeper += [one.get("num_subtasks") or 0 for one in found]
        if not deeper:
            return direct
        # Each of them has so many of its own, at every level.
        every = direct / (1 - min(0.9, mean(deeper)))
        self.walks += every * mean(one > 0 for one in deeper)
        return every


def some(items: Sequence[Any], number: int) -> list[Any]:
    """Return so many of the items by chance, the same ones each time: lists have patterns."""
    chance = Random(1)  # noqa: S311  # a sample
    return chance.sample(items, max(0, min(number, len(items))))
