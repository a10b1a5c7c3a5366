"""How long it takes: `python -m integration_tests.warehouse.size [TASKS STORIES [MEMORY]]`.

Makes a workspace in a DuckDB file, builds everything, changes a hundredth of tasks and stories and
builds again; prints seconds and peak memory. MEMORY, such as 8GB, is what DuckDB may use. Run by
hand, with nothing else on the machine.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from integration_tests.warehouse.dbt_runs import Dbt
from source_asana.fields.schemas import load_schema

FIELDS, CHANGED_OF = 10, 100
READ, READ_AGAIN = "timestamp '2026-06-01'", "timestamp '2026-06-02'"
TYPES = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "object": "JSON",
    "array": "JSON",
}
SUBTYPES = (
    *("comment_added", "assigned", "due_date_changed", "section_changed", "added_to_project"),
    *("name_changed", "marked_complete", "comment_added", "follower_added", "liked"),
)


def thing(gid: str, name: str = "Thing") -> str:
    """Return SQL of the JSON of an object with that gid, itself SQL."""
    return f"""'{{"gid":"' || {gid} || '","name":"{name}"}}'"""


def only(number: int, sql: str) -> str:
    """Return SQL that is null but for the stories of one subtype, by its place in SUBTYPES."""
    return f"case when kind = {number} then {sql} end"


def field(number: int) -> str:
    """Return SQL of the JSON of a custom field with a value."""
    head = f'{{"gid":"f{number}","name":"Field {number}","resource_subtype":"'
    if number % 5:
        return f"""'{head}number","number_value":' || n || ',"display_value":"' || n || '"}}'"""
    chosen = f'[{{"gid":"o{number}","name":"One"}}]'
    return f"""'{head}multi_enum","multi_enum_values":{chosen},"display_value":"One"}}'"""


# Column -> SQL over `n`, the number of the row.
PROJECT, USER = "'p' || n % 500", "'u' || n % 300"
SECTION = "'s' || n % 500 || '-' || n % 5"
FOLLOWER, TAG, NEXT = "'v' || n % 300", "'g' || n % 50", "'t' || n + 1"
VALUES = " || ',' || ".join(field(one) for one in range(FIELDS))
TASKS = {
    "gid": "'t' || n",
    "name": "'Task number ' || n",
    "notes": "repeat('Some words about the task. ', 8)",
    "resource_subtype": "'default_task'",
    "completed": "n % 3 = 0",
    "completed_at": "case when n % 3 = 0 then timestamp '2026-05-01' + n * interval 1 second end",
    "created_at": "timestamp '2026-01-01' + n * interval 1 second",
    "modified_at": "timestamp '2026-05-02' + n * interval 1 second",
    "due_on": "date '2026-03-01' + cast(n % 300 as integer)",
    "assignee": thing(USER),
    "workspace": thing("'w'"),
    "projects": f"'[' || {thing(PROJECT)} || ']'",
    "memberships": (
        f"""'[{{"project":' || {thing(PROJECT)} || ',"section":' || {thing(SECTION)} || '}}]'"""
    ),
    "followers": f"'[' || {thing(USER)} || ',' || {thing(FOLLOWER)} || ']'",
    "tags": f"'[' || {thing(TAG)} || ']'",
    "dependencies": f"case when n % 5 = 0 then '[' || {thing(NEXT)} || ']' else '[]' end",
    "custom_fields": f"'[' || {VALUES} || ']'",
}
# The same for stories, over `task`, `turn` and `kind` too: the number of the task, how many stories
# it had before, and the place of the subtype in SUBTYPES.
STORIES = {
    "gid": "'s' || n",
    "task_id": "'t' || task",
    "resource_subtype": f"list_value({', '.join(map(repr, SUBTYPES))})[1 + kind]",
    "type": "case when kind in (0, 7) then 'comment' else 'system' end",
    "text": "'something happened to the task, number ' || n",
    "created_at": (
        "timestamp '2026-02-01' + turn * interval 1 day + cast(task as bigint) * interval 1 second"
    ),
    "created_by": thing(USER),
    "assignee": only(1, thing(USER)),
    "old_dates": only(2, """'{"due_on":"2026-02-01"}'"""),
    "new_dates": only(2, """'{"due_on":"2026-03-01"}'"""),
    "old_section": only(3, thing("'s' || task % 500 || '-0'")),
    "new_section": only(3, thing("'s' || task % 500 || '-' || task % 5")),
    "project": only(4, thing("'p' || task % 500")),
    "old_name": only(5, "'Before'"),
    "new_name": only(5, "'Task number ' || task"),
}
SECTIONS = {
    "gid": "'s' || n % 500 || '-' || n // 500",
    "name": "'Section'",
    "project_id": "'p' || n % 500",
}


def main() -> None:
    """Build three times and print what it took."""
    arguments = [*sys.argv[1:], "200000", "2000000"] if len(sys.argv) == 1 else sys.argv[1:]
    tasks, stories = (int(one) for one in arguments[:2])
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "asana.duckdb"
        output: dict[str, Any] = {"type": "duckdb", "path": str(file), "schema": "main"}
        if arguments[2:]:
            output["settings"] = {"memory_limit": arguments[2]}
        with duckdb.connect(str(file)) as database:
            write(database, tasks, stories)
        dbt = Dbt(Path(name) / "dbt", output)
        tell("full build", dbt)
        with duckdb.connect(str(file)) as database:
            change(database)
        tell("after a change of 1 %", dbt)
        tell("after no change", dbt)


def tell(name: str, dbt: Dbt) -> None:
    """Run the package; print the seconds, and the peak memory of all runs so far."""
    began = time.monotonic()
    run = dbt.run("run")
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stdout.write(
        f"{name}: {seconds:.1f} s; until now {used.ru_utime + used.ru_stime:.1f} s of processor,"
        f" {used.ru_maxrss / 2**20:.1f} GiB at most\n"
    )
    sys.stdout.flush()
    if run.failed:
        sys.exit(str(run.failed)[:2000])


def write(database: duckdb.DuckDBPyConnection, tasks: int, stories: int) -> None:
    """Make the raw tables."""
    rows = f"select n, n % {tasks} as task, n // {tasks} as turn, n // {tasks} % 10 as kind"
    made: dict[str, tuple[Mapping[str, str], int]] = {
        "projects": ({"gid": "'p' || n", "name": "'Project ' || n"}, 500),
        "sections": (SECTIONS, 2500),
        "users": ({"gid": "'u' || n", "name": "'Person ' || n"}, 300),
        "tags": ({"gid": "'g' || n", "name": "'tag ' || n"}, 50),
        "tasks": (TASKS, tasks),
        "stories": (STORIES, stories),
    }
    for stream, (columns, number) in made.items():
        kinds = {name: _kind(node) for name, node in load_schema(stream)["properties"].items()}
        kinds |= {"synced_at": "TIMESTAMP", "_airbyte_extracted_at": "TIMESTAMP"}
        filled = {**columns, "synced_at": READ, "_airbyte_extracted_at": READ}
        chosen = ", ".join(
            f'cast({filled.get(name, "null")} as {kind}) as "{name}"'
            for name, kind in kinds.items()
        )
        database.execute(
            f'create table "{stream}" as select {chosen} from ({rows} from range({number}) as r(n))'  # noqa: S608 our own names
        )


def change(database: duckdb.DuckDBPyConnection) -> None:
    """Change a hundredth of the tasks and stories, as a later sync would."""
    for stream, column in (("tasks", "name"), ("stories", "text")):
        database.execute(
            f'update "{stream}" set synced_at = {READ_AGAIN}, '  # noqa: S608 our own names
            f"_airbyte_extracted_at = {READ_AGAIN}, {column} = {column} || '!' "
            f"where hash(gid) % {CHANGED_OF} = 0"
        )


def _kind(node: Mapping[str, Any]) -> str:
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    [kind, *_] = [one for one in kinds if one != "null"]
    form = {"date": "DATE", "date-time": "TIMESTAMP"}.get(str(node.get("format")))
    return form or TYPES.get(str(kind), "VARCHAR")


if __name__ == "__main__":
    main()
