"""Which tasks have attachments: a search tells it for a hundred at once, on paid plans.

So the first sync asks these alone. It walks all tasks as well, for the bounds that its state keeps:
a parent whose key is missing is seen, and asks for nothing.
"""

from tools.builder.nodes import per, ref, stream, substreams
from tools.builder.ours import Json
from tools.builder.parents import IS_SEARCHED, WORKSPACE
from tools.builder.transport import PAGE_SIZE, address

RECENT = "recent_gid"
"""Column of a task that changed within a day: the search's index may lag."""

KEY = f"{{{{ '{RECENT}' if {IS_SEARCHED} else 'gid' }}}}"
ADDED = {
    "type": "AddFields",
    "condition": "{{ record.modified_at > day_delta(-1, '%Y-%m-%dT%H:%M:%S.000Z') }}",
    "fields": [
        {
            "type": "AddedFieldDefinition",
            "path": [RECENT],
            "value": "{{ record.gid }}",
            "value_type": "string",
        }
    ],
}

# The search also finds tasks of nobody in no project, which no listing has.
IS_LISTED = "record.projects or record.parent or record.assignee"

_FIRST, _LAST = "response.data[0].created_at", "response.data[-1].created_at"
_BEFORE_LAST = (
    f"format_datetime(str_to_datetime({_LAST}) - duration('PT0.001S'), '%Y-%m-%dT%H:%M:%S.%f')"
)


def holders(path: str) -> Json:
    """Return the stream of tasks and subtasks that have attachments.

    Args:
        path: of the search, with `{workspace}`.
    """
    requester = {
        "url": address(
            path.replace("{workspace}", WORKSPACE),
            ("created_at", "assignee.gid", "parent.gid", "projects.gid"),
        ),
        "request_parameters": {
            "has_attachment": "true",
            "sort_by": "created_at",
            "sort_ascending": "true",
            "modified_at.after": "{{ config.get('start_date') or '' }}",
        },
        "error_handler": ref("search_handler"),
        "use_cache": True,
    }
    made = stream(
        "parent_holders",
        requester,
        substreams(per(ref("parents/searched"), "workspace_gid")),
        _pages(),
        page_size_reduction=ref("smaller_page"),
    )
    return {**made, "schema_loader": ref("no_schema")}


def _pages() -> Json:
    """Return the pages of a search: it has no offsets, the bound moves along.

    The bound is exclusive, and several tasks may be of one instant: each page begins with the last
    task of the one before. Where a whole page is of one instant, the request is refused.
    """
    is_one = f"{_FIRST} == {_LAST}"
    option = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DefaultPaginator",
        "page_size_option": {**option, "field_name": "limit"},
        "page_token_option": {**option, "field_name": "created_at.after"},
        "pagination_strategy": {
            "type": "CursorPagination",
            "page_size": PAGE_SIZE,
            "stop_condition": (
                f"{{{{ last_page_size == 0 or (last_page_size < page_size and {is_one}) }}}}"
            ),
            "cursor_value": (
                f"{{{{ 'a page of one instant' if {is_one} else {_BEFORE_LAST}[:23] ~ 'Z' }}}}"
            ),
        },
    }
