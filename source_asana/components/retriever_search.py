"""The walk of one search: pages by creation time under a fixed bound of change.

Source: searchTasksForWorkspace.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from source_asana.components.attempts import body_of, send
from source_asana.components.budget import FREE_PER_MINUTE
from source_asana.components.clock import from_millis, to_millis
from source_asana.components.errors import Action, AsanaError, PartitionFailed, Rule, Verdict
from source_asana.components.runtime import Runtime
from source_asana.components.search import Search, page_params

LOGGER = logging.getLogger("airbyte.source_asana.search")

Raw = dict[str, Any]
PAGE = 100
UNSTEPPABLE = Rule((), None, Action.FAIL, "search cannot be stepped through")
TOO_MANY = Rule((), None, Action.FAIL, "listings are cheaper")


def found(
    runtime: Runtime,
    search: Search,
    *,
    stream: str,
    path: str,
    params: dict[str, Any],
    headers: dict[str, str],
) -> Iterator[list[Raw]]:
    """Yield the pages of a search, no task twice.

    Raises:
        AsanaError: the search cannot be used (plan, failure, a page of equal stamps, more changes
            than listings would cost): the workspace's listings have to be read instead.
    """
    url = f"{runtime.settings.api_url}/{path.format(workspace=search.workspace).lstrip('/')}"
    after, created_after = from_millis(search.after), None
    seen: set[str] = set()
    pages = 0
    while True:
        pages += 1
        if search.most_pages is not None and pages > search.most_pages:
            raise PartitionFailed(Verdict(TOO_MANY, 200, f"over {pages - 1} pages of changes"))
        with runtime.room:
            response = send(
                runtime,
                url,
                stream=stream,
                params={**page_params(after, created_after), **params},
                headers=headers,
                search=True,
            )
            page: list[Raw] = body_of(response)["data"]
            fresh = [task for task in page if task["gid"] not in seen]
            seen.update(task["gid"] for task in fresh)
            del response
            yield fresh
        if len(page) < PAGE:
            return
        last = max((to_millis(task.get("created_at")) or 0 for task in page), default=0)
        step = from_millis(last - 1)
        if step == created_after or not fresh:
            raise PartitionFailed(Verdict(UNSTEPPABLE, 200, f"{PAGE} tasks of one creation time"))
        created_after = step


def fall_back(runtime: Runtime, search: Search, error: AsanaError) -> None:
    """Send the searched workspace to its listings and say why."""
    LOGGER.info(
        "Workspace %s: changed tasks are found by listings, as search cannot be used (%s).",
        search.workspace,
        error,
    )
    search.decide(succeeded=False)
    searches = runtime.searches.by_workspace.values()
    search.refused_for_plan = error.verdict.status == 402
    if len(searches) == len(runtime.workspaces) and all(one.refused_for_plan for one in searches):
        runtime.budget.set_quota(FREE_PER_MINUTE)
