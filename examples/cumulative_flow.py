"""Draw the cumulative flow of a project: how many tasks stood in each section, day after day.

    make install warehouse
    .venv/bin/python -m examples.cumulative_flow [docs/flow.svg]

The project is made up in the sandbox. It is read by the connector, modelled by the dbt package in a
DuckDB file, and asked by the query of docs/how-to.md.
"""

import random
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from integration_tests.warehouse import duckdb_files
from integration_tests.warehouse.asana import ROOT, Asana
from integration_tests.warehouse.dbt_runs import Dbt
from integration_tests.warehouse.tables import empty

SECTIONS = ("Backlog", "In progress", "Review", "Done")
COLORS = ("#a9b4c2", "#3f7fb5", "#e0a030", "#4f9d69")
DAYS = 75
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
TASKS = 48
NAMESPACE = "http://www.w3.org/2000/svg"  # ignore-https-check
STYLE = 'role="img" font-family="sans-serif" font-size="12" fill="#333333"'
STREAMS = ("tasks", "subtasks", "sections", "stories", "projects")
HOW_TO = ROOT / "docs" / "how-to.md"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, LINE = 760, 380, 44, 110, 44, 36, 15


def make_project(asana: Asana) -> None:
    """Add a project whose tasks arrive and move on through the sections."""
    dice = random.Random(4)  # noqa: S311
    project = asana.edit("add_project", "Website", sections=list(SECTIONS))
    listed = asana.truth("sections")
    gids = {one["name"]: one["gid"] for one in listed if one.get("project_id") == project}
    for number in range(TASKS):
        moment = START + timedelta(hours=dice.uniform(0, DAYS * 23))
        added, moves = moment, []
        for days in (dice.expovariate(1 / 9), dice.expovariate(1 / 8), dice.expovariate(1 / 5)):
            moment += timedelta(days=0.3 + days)
            moves.append(moment)
        moves = [one for one in moves if one < START + timedelta(days=DAYS)]
        task = asana.edit(
            "add_task",
            f"Page {number + 1}",
            projects=[project],
            section=gids[SECTIONS[len(moves)]],
            created_at=_stamp(added),
        )
        for place, moved in enumerate(moves):
            asana.edit(
                "add_story",
                task,
                f"moved from {SECTIONS[place]} to {SECTIONS[place + 1]}",
                "section_changed",
                old_section=gids[SECTIONS[place]],
                new_section=gids[SECTIONS[place + 1]],
                created_at=_stamp(moved),
            )


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build(asana: Asana, folder: Path) -> Path:
    """Sync the sandbox into a DuckDB file and run the package on it; return the file."""
    file = folder / "asana.duckdb"
    records = asana.sync().records
    schemas, keys = asana.schemas, asana.keys
    tables = {name: empty(schemas[name], keys[name]) for name in STREAMS}
    for name, table in tables.items():
        table.append(records[name], "2026-03-21T00:00:00Z")
    duckdb_files.write(file, "main", tables)
    run = Dbt(folder / "dbt", {"type": "duckdb", "path": str(file)}).run(
        "run", "--select", "+asana__time_in_section"
    )
    if run.failed:
        sys.exit(f"dbt failed: {run.failed}")
    return file


def flow(file: Path) -> dict[date, dict[str, int]]:
    """Return day -> section -> tasks, by the how-to's query, for the sections of the project."""
    queries = re.findall(r"```sql\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    [query] = [one for one in queries if "evenings" in one]
    query = query.replace("asana__", "main_asana_marts.asana__")
    days: dict[date, dict[str, int]] = {}
    for row in duckdb_files.rows(file, query):
        if row["section_name"] in SECTIONS:
            days.setdefault(row["day"], {})[row["section_name"]] = row["tasks"]
    return days


def draw(days: Mapping[date, Mapping[str, int]]) -> str:
    """Return a stacked area chart as SVG: what is done at the bottom, what has not begun on top."""
    moments = sorted(days)
    most = max(sum(counts.values()) for counts in days.values())
    floor, lowest = [0] * len(moments), float(HEIGHT)
    parts = [*_frame(moments, most)]
    for name, color in reversed(list(zip(SECTIONS, COLORS, strict=True))):
        roof = [low + days[day].get(name, 0) for low, day in zip(floor, moments, strict=True)]
        edge = _points(roof, most) + list(reversed(_points(floor, most)))
        parts.append(f'<polygon fill="{color}" points="{" ".join(edge)}"/>')
        # Labels of thin areas must not lie on each other.
        lowest = min(lowest - LINE, _y((roof[-1] + floor[-1]) / 2, most) + 4)
        label = f"{name} {roof[-1] - floor[-1]}"
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{lowest:.1f}">{label}</text>')
        floor = roof
    return "\n".join([*parts, "</svg>", ""])


def _frame(moments: Sequence[date], most: int) -> list[str]:
    """Return the SVG's opening, title and axes."""
    parts = [
        f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {WIDTH} {HEIGHT}" {STYLE}>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15">Tasks by section at the end of each day</text>',
    ]
    for count in range(0, most + 1, 10):
        y = _y(count, most)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{count}</text>'
        )
    for place, day in enumerate(moments):
        if place % 14 == 0:
            x = _x(place, len(moments))
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="middle">'
                f"{day.day} {day:%b}</text>"
            )
    return parts


def _points(heights: Sequence[float], most: int) -> list[str]:
    return [
        f"{_x(place, len(heights)):.1f},{_y(height, most):.1f}"
        for place, height in enumerate(heights)
    ]


def _x(place: int, places: int) -> float:
    return LEFT + place * (WIDTH - LEFT - RIGHT) / (places - 1)


def _y(count: float, most: int) -> float:
    return HEIGHT - BOTTOM - count * (HEIGHT - TOP - BOTTOM) / most


def main() -> None:
    """Make, sync, model, ask and draw."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "flow.svg"
    with tempfile.TemporaryDirectory() as name:
        with Asana("--tasks", "10") as asana:
            make_project(asana)
            file = build(asana, Path(name))
        target.write_text(draw(flow(file)), "utf-8")


if __name__ == "__main__":
    main()
