"""What happens around and during a sync: steps of a lab, faults, kills."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from sandbox import Sandbox
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination
from unit_tests.properties.steps import Step, apply, pick

NUMBERS = st.integers(0, 97)
PAGE = 3
NO_ACCESS = {"status": 403, "message": "You do not have access to this project."}
GONE = {"status": 404, "message": "project: Unknown object: 1"}


@dataclass(frozen=True)
class Round:
    """What happens before one sync and while it runs.

    Attributes:
        before: steps before it.
        during: (number of the request, step) while it runs.
        fault: name of a fault, and the number that chooses its place.
        kill_after: messages after which it is killed.
        pause: seconds on Asana's clock between two requests.
        gap: seconds on it before the sync.
    """

    before: list[Step]
    during: list[tuple[int, Step]]
    fault: tuple[str, int] | None
    kill_after: int | None
    pause: float
    gap: int


def steps(names: tuple[str, ...]) -> st.SearchStrategy[Step]:
    """Return steps of these kinds."""
    return st.tuples(st.sampled_from(names), NUMBERS, NUMBERS)


def rounds(names: tuple[str, ...], faults: tuple[str, ...] = ()) -> st.SearchStrategy[list[Round]]:
    """Return what happens around two or three syncs; without faults there are no kills either."""
    return st.lists(
        st.builds(
            Round,
            before=st.lists(steps(names), min_size=2, max_size=10),
            during=st.lists(st.tuples(st.integers(1, 90), steps(names)), max_size=8),
            fault=st.none() | st.tuples(st.sampled_from(faults), NUMBERS) if faults else st.none(),
            kill_after=st.none() | st.integers(1, 60) if faults else st.none(),
            pause=st.sampled_from([0.0, 0.4, 2.5]),
            gap=st.sampled_from([5, 5, 3600]),
        ),
        min_size=2,
        max_size=3,
    )


def plan_fault(asana: Sandbox, lab: Lab, fault: tuple[str, int] | None) -> None:
    """Have some requests fail during the next sync."""
    if fault is None:
        return
    name, number = fault
    project, task = pick(lab.living(), number), pick(lab.tasks(), number)
    places: Mapping[str, tuple[str, str | None, Mapping[str, Any]]] = {
        "flaky": ("status", None, {"share": 0.2}),
        "cut": ("cut_json", None, {"share": 0.2}),
        "html": ("html502", None, {"share": 0.1}),
        "expired": ("offset_expired", None, {"share": 0.3}),
        "project fails": ("status", f"project={project}", {}),
        "page fails": ("status", rf"project={project}.*offset|offset.*project={project}", {}),
        "no access": ("status", f"project={project}", NO_ACCESS),
        "projects fail": ("status", r"/projects\?.*offset", {}),
        "users fail": ("status", r"/users\?", {}),
        "user fails": ("status", f"assignee={pick(lab.users, number)}", {}),
        "project gone": ("status", f"project={project}", GONE),
        "stories fail": ("status", f"/tasks/{task}/stories", {}),
        "stories refused": ("status", f"/tasks/{task}/stories", NO_ACCESS),
        "attachments fail": ("status", f"/attachments.*parent={task}", {}),
        "subtasks fail": ("status", f"/tasks/{task}/subtasks", {}),
        "statuses fail": ("status", f"/status_updates.*{project}", {}),
        "entries fail": ("status", r"/time_tracking_entries.*offset", {}),
        "events fail": ("status", f"/events.*{project}", {}),
        "audit fails": ("status", r"/audit_log_events.*offset", {}),
    }
    kind, path, options = places[name]
    asana.fault(kind, path, times=None, seed=number, **options)


TASK_FAULTS = (
    "flaky",
    "cut",
    "html",
    "expired",
    "project fails",
    "page fails",
    "no access",
    "projects fail",
    "users fail",
    "user fails",
    "project gone",
    "stories fail",
    "stories refused",
    "attachments fail",
    "subtasks fail",
    "statuses fail",
)
OTHER_FAULTS = (
    "flaky",
    "cut",
    "expired",
    "projects fail",
    "statuses fail",
    "entries fail",
    "audit fails",
)


def meanwhile(asana: Sandbox, lab: Lab, one: Round) -> None:
    """Let the steps of a round happen while requests are answered, pages being short."""
    waiting = sorted(one.during, key=lambda item: item[0], reverse=True)
    count = 0

    def before(path: str, params: dict[str, str]) -> None:
        nonlocal count
        count += 1
        # A search cannot step through more tasks of one creation time than a page holds.
        if "limit" in params and not path.endswith("/search"):
            params["limit"] = str(PAGE)
        asana.clock.advance(one.pause)
        while waiting and waiting[-1][0] <= count:
            apply(lab, waiting.pop()[1])

    asana.before_request(before)


@contextmanager
def happens(asana: Sandbox, lab: Lab, one: Round) -> Iterator[None]:
    """Let the steps of a round happen, before what is done within and while it runs."""
    for step in one.before:
        apply(lab, step)
    asana.clock.advance(one.gap)
    plan_fault(asana, lab, one.fault)
    meanwhile(asana, lab, one)
    yield
    asana.clear_faults()
    asana.before_request(None)


def run(
    asana: Sandbox,
    lab: Lab,
    happening: list[Round],
    streams: tuple[str, ...],
    *,
    destination: Destination | None = None,
    **options: Any,
) -> Destination:
    """Sync once a round, and once more in peace; return what a destination then holds."""
    destination = destination or Destination()
    for one in happening:
        with happens(asana, lab, one):
            destination.sync(asana, streams, kill_after=one.kill_after, **options)
        asana.clock.advance(5)
    last = destination.sync(asana, streams, **options)
    assert not last.failed, last.errors
    return destination


def examples(number: int) -> int:
    """Return how many examples to try: those of a quick run, or what the environment says."""
    return int(os.environ.get("PROPERTY_EXAMPLES", number))
