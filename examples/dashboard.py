"""Draw a dashboard from the tables of the dbt package: one HTML page that needs nothing else.

    make dashboard                      # of a made-up workspace
    make dashboard DUCKDB=asana.duckdb  # of the streams in a file, SCHEMA=asana if not in main

Run by the Python that has dbt and Plotly. The file is only read; the tables are built beside it.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import plotly.graph_objects as go  # type: ignore[import-not-found]
from plotly.offline import get_plotlyjs  # type: ignore[import-not-found]

PACKAGE = Path(__file__).resolve().parents[1] / "dbt"
# Okabe and Ito's colors, which people of all kinds of color vision tell apart.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F")
STATUSES = {
    "on_track": "#009E73",
    "complete": "#0072B2",
    "on_hold": "#7F7F7F",
    "at_risk": "#E69F00",
    "off_track": "#D55E00",
}
MOST = 12

Rows = Sequence[tuple[Any, ...]]
Ask = Callable[[str], Rows]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Asana: work at a glance</title>
<style>
:root {{ color-scheme: light dark; }}
:root {{ --page: #f4f5f7; --card: #fff; --ink: #1c1f23; --soft: #5b6570; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #14171a; --card: #1f2327; --ink: #e8eaed; --soft: #a2abb5; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; padding: 1rem; background: var(--page); color: var(--ink); }}
body {{ font: 15px system-ui, sans-serif; }}
main {{ display: grid; gap: 1rem; }}
main {{ grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }}
main, header {{ max-width: 90rem; margin: 0 auto 1rem; }}
section {{ background: var(--card); border-radius: 8px; padding: .8rem 1rem; min-width: 0; }}
h1 {{ font-size: 1.4rem; margin: 0 0 .6rem; }}
h2 {{ font-size: 1rem; margin: 0; }}
p {{ margin: .2rem 0; color: var(--soft); }}
dl {{ display: flex; flex-wrap: wrap; gap: .6rem 2rem; margin: 0; }}
dt {{ color: var(--soft); }}
dd {{ margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }}
.chart {{ height: 20rem; }}
</style>
</head>
<body>
<header><h1>Asana: work at a glance</h1><dl>{numbers}</dl></header>
<main>
{sections}
</main>
<script>{plotly}</script>
<script>
const charts = {charts};
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {{
  const ink = dark.matches ? "#e8eaed" : "#1c1f23";
  const line = {{gridcolor: dark.matches ? "#3a4047" : "#dfe3e8"}};
  line.zerolinecolor = line.gridcolor;
  for (const [name, chart] of Object.entries(charts)) {{
    const layout = structuredClone(chart.layout);
    layout.font = {{color: ink, family: "system-ui, sans-serif", size: 12}};
    for (const axis of ["xaxis", "yaxis"]) layout[axis] = {{...layout[axis], ...line}};
    Plotly.react(name, chart.data, layout, {{responsive: true, displayModeBar: false}});
  }}
  document.body.dataset.drawn = Object.keys(charts).length;
}}
dark.addEventListener("change", draw);
draw();
</script>
</body>
</html>
"""


def main() -> None:
    """Build the tables of a DuckDB file and write the page."""
    source, target, *schema = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        marts = build(Path(source).resolve(), Path(name), schema[0] if schema else "main")
        with duckdb.connect(str(marts), read_only=True) as database:
            database.execute("set search_path = 'dashboard_asana_marts'")
            text = page(lambda query: database.execute(query).fetchall())
    Path(target).write_text(text, "utf-8")
    sys.stdout.write(f"{target} is written; open it in a browser.\n")


def build(source: Path, folder: Path, schema: str) -> Path:
    """Run the dbt package on the streams in a file; return another file, with the tables."""
    if not source.exists():
        sys.exit(f"There is no file {source}: set DUCKDB to a DuckDB file that Airbyte wrote.")
    marts = folder / "marts.duckdb"
    output = {
        "type": "duckdb",
        "path": str(marts),
        "schema": "dashboard",
        "attach": [{"path": str(source), "alias": "streams", "read_only": True}],
    }
    profile = {"asana_airbyte": {"target": "dashboard", "outputs": {"dashboard": output}}}
    (folder / "profiles.yml").write_text(json.dumps(profile), "utf-8")
    variables = {"asana_airbyte_database": "streams", "asana_airbyte_schema": schema}
    done = subprocess.run(  # noqa: S603 our own program
        [
            *(Path(sys.executable).with_name("dbt"), "--no-use-colors", "run"),
            *("--project-dir", PACKAGE, "--profiles-dir", folder, "--vars", json.dumps(variables)),
            *("--target-path", folder / "target", "--log-path", folder / "logs"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return marts


def page(ask: Ask) -> str:
    """Return the page; `ask` answers a query on the package's tables."""
    charts = {f"chart{number}": chart(ask) for number, chart in enumerate(CHARTS)}
    [numbers] = ask(
        "select count(*) filter (not completed), count(*) filter (is_overdue),"
        " count(*) filter (is_blocked),"
        " count(*) filter (completed_at > (select max(completed_at) from asana__task)"
        " - interval 7 day), round(median(days_to_close), 1) from asana__task"
    )
    names = ("open", "overdue", "blocked", "completed in 7 days", "days to close, median")
    facts = zip(names, numbers, strict=True)
    sections = [
        f'<section><h2>{escape(title)}</h2><p>{escape(told)}</p><div class="chart" id="{name}">'
        "</div></section>"
        for name, (title, told, _) in charts.items()
    ]
    drawn = {name: figure.to_plotly_json() for name, (_, _, figure) in charts.items()}
    return PAGE.format(
        numbers="".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts),
        sections="\n".join(sections),
        plotly=get_plotlyjs(),
        charts=json.dumps(drawn, default=str).replace("</", "<\\/"),
    )


Chart = tuple[str, str, Any]


def _figure(*traces: Any, **layout: Any) -> Any:
    figure = go.Figure(data=list(traces))
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 48, "r": 12, "t": 12, "b": 40},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        colorway=COLORS,
        **layout,
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _short(names: Sequence[str]) -> list[str]:
    """Return names that fit beside a bar; equal ones stay apart."""
    cut = [name if len(name) <= 22 else f"{name[:21]}…" for name in names]
    return [name + "\u200b" * cut[:place].count(name) for place, name in enumerate(cut)]


def _open_work(ask: Ask, table: str, title: str) -> Chart:
    rows = ask(
        "select coalesce(name, '?'), open_task_count - overdue_task_count, overdue_task_count"  # noqa: S608 our own names
        f" from {table} where open_task_count > 0 order by open_task_count desc limit {MOST}"
    )[::-1]
    names = _short([row[0] for row in rows])
    bars = [
        go.Bar(y=names, x=[row[place] for row in rows], name=name, orientation="h")
        for place, name in ((1, "in time"), (2, "overdue"))
    ]
    figure = _figure(*bars, barmode="stack", xaxis={"title": {"text": "open tasks"}})
    return title, "Open tasks, and which of them were due before today.", figure


def by_project(ask: Ask) -> Chart:
    """Return open work by project."""
    return _open_work(ask, "asana__project", "Open work by project")


def by_person(ask: Ask) -> Chart:
    """Return open work by person."""
    return _open_work(ask, "asana__user", "Open work by person")


def flow(ask: Ask) -> Chart:
    """Return the cumulative flow of the project with the most moves."""
    rows = ask(
        "with busiest as (select project_id from asana__time_in_section group by 1"
        " order by count(*) desc limit 1),"
        " stays as (select * from asana__time_in_section join busiest using (project_id)),"
        " firsts as (select section_name, min(entered_at) as first_at from stays group by 1)"
        " select d.date_day, s.section_name, count(distinct s.task_id) from asana__daily_metric d"
        " join stays s on s.entered_at < d.date_day + 1"
        " and (s.left_at is null or s.left_at >= d.date_day + 1)"
        " join firsts f using (section_name) group by 1, 2, f.first_at order by f.first_at desc, 1"
    )
    named = ask(
        "select name from asana__project join (select project_id from asana__time_in_section"
        " group by 1 order by count(*) desc limit 1) using (project_id)"
    )
    traces = [
        go.Scatter(
            x=[row[0] for row in rows if row[1] == section],
            y=[row[2] for row in rows if row[1] == section],
            name=section,
            stackgroup="flow",
            mode="lines",
            line={"width": 0.5},
        )
        for section in dict.fromkeys(row[1] for row in rows)
    ]
    figure = _figure(*traces, yaxis={"title": {"text": "tasks"}})
    project = named[0][0] if named else "none"
    return "Cumulative flow", f"Tasks by section each evening, of the project {project}.", figure


def cycle_time(ask: Ask) -> Chart:
    """Return how long tasks took, by the month of their completion."""
    rows = ask(
        "select date_trunc('month', completed_at), quantile_cont(seconds_to_close, 0.5) / 86400,"
        " quantile_cont(seconds_to_close, 0.85) / 86400 from asana__task where completed"
        " group by 1 order by 1"
    )
    traces = [
        go.Scatter(
            x=[row[0] for row in rows],
            y=[round(row[place] or 0, 1) for row in rows],
            name=name,
            mode="lines+markers",
        )
        for place, name in ((1, "half of them"), (2, "85 % of them"))
    ]
    figure = _figure(*traces, yaxis={"title": {"text": "days"}, "rangemode": "tozero"})
    return "Time to close", "Days from creation to completion, by month of completion.", figure


def overdue(ask: Ask) -> Chart:
    """Return open and overdue tasks day by day."""
    rows = ask("select date_day, open_count, overdue_count from asana__daily_metric order by 1")
    traces = [
        go.Scatter(x=[row[0] for row in rows], y=[row[place] for row in rows], name=name)
        for place, name in ((1, "open"), (2, "overdue"))
    ]
    figure = _figure(*traces, yaxis={"title": {"text": "tasks"}, "rangemode": "tozero"})
    return "Open and overdue", "Tasks at the end of each day.", figure


def workload(ask: Ask) -> Chart:
    """Return open tasks by person and when they are due."""
    rows = ask(
        "select u.name, case when t.due_on is null then 'no date'"
        " when t.is_overdue then 'overdue' when t.due_on < current_date + 7 then 'in 7 days'"
        " when t.due_on < current_date + 28 then 'in 28 days' else 'later' end, count(*)"
        " from asana__task t join asana__user u on u.user_id = t.assignee_id"
        " where not t.completed group by 1, 2"
    )
    total = Counter[str]()
    for name, _, number in rows:
        total[name] += number
    people = [name for name, _ in total.most_common(MOST)]
    count = {(name, due): number for name, due, number in rows}
    bars = [
        go.Bar(x=_short(people), y=[count.get((name, due), 0) for name in people], name=due)
        for due in ("overdue", "in 7 days", "in 28 days", "later", "no date")
    ]
    figure = _figure(*bars, barmode="stack", yaxis={"title": {"text": "open tasks"}})
    return "Workload", "Open tasks by person and when they are due.", figure


def health(ask: Ask) -> Chart:
    """Return the newest status of the projects in each portfolio."""
    rows = ask(
        "select p.name, coalesce(s.status_type, 'no status'), count(*) from asana__portfolio p"
        " join asana__portfolio_item i using (portfolio_id)"
        " left join asana__status_update s on s.parent_id = i.item_id and s.is_newest"
        " where i.item_type = 'project' group by 1, 2 order by 1"
    )
    names = list(dict.fromkeys(row[0] for row in rows))[:MOST]
    kinds = [*STATUSES, *sorted({row[1] for row in rows} - STATUSES.keys())]
    count = {(row[0], row[1]): row[2] for row in rows}
    bars = [
        go.Bar(
            y=_short(names),
            x=[count.get((name, kind), 0) for name in names],
            name=kind.replace("_", " "),
            orientation="h",
            marker={"color": STATUSES.get(kind, "#B8BEC6")},
        )
        for kind in kinds
        if any(row[1] == kind for row in rows)
    ]
    figure = _figure(*bars, barmode="stack", xaxis={"title": {"text": "projects"}})
    return "Health of portfolios", "Projects by their newest status update.", figure


def time_by_week(ask: Ask) -> Chart:
    """Return tracked hours by week and person."""
    rows = ask(
        "select user_name, week_starting_on, sum(duration_minutes) / 60 from asana__time_by_week"
        " group by 1, 2 order by 1, 2"
    )
    bars = [
        go.Bar(
            x=[row[1] for row in rows if row[0] == person],
            y=[round(row[2], 1) for row in rows if row[0] == person],
            name=person,
        )
        for person in dict.fromkeys(row[0] for row in rows)
    ]
    figure = _figure(*bars, barmode="stack", yaxis={"title": {"text": "hours"}})
    return "Time by week", "Hours of time entries by person.", figure


CHARTS: Sequence[Callable[[Ask], Chart]] = (
    *(by_project, by_person, flow, cycle_time, overdue, workload, health, time_by_week),
)


if __name__ == "__main__":
    main()
