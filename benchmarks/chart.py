"""The picture in the README: what a second sync costs, next to other connectors."""

from collections.abc import Iterable

from benchmarks.process import ROOT
from benchmarks.report import Row
from source_asana.http.budget import PAID_PER_MINUTE

FILE = ROOT / "docs" / "second_sync.svg"
SECOND = ", second sync"
NAMESPACE = "http://www.w3.org/2000/svg"  # ignore-https-check
STYLE = 'role="img" font-family="sans-serif" font-size="13" fill="#333333"'
OURS, THEIRS = "#3f7fb5", "#a9b4c2"
WIDTH, TOP, BAR, GAP, LEFT, LONGEST = 760, 56, 26, 16, 180, 300


def write(rows: Iterable[Row]) -> None:
    """Write the picture of what `rivals` measured."""
    FILE.write_text(draw(rows), "utf-8")


def draw(rows: Iterable[Row]) -> str:
    """Return a bar for each second sync as SVG, this connector's first."""
    figures = {row.what: row.figure for row in rows}
    end = f"{SECOND}: requests"
    requests = {
        name.removesuffix(end): int(figure.split()[0].strip(",").replace(",", ""))
        for name, figure in figures.items()
        if name.endswith(end)
    }
    tasks, edited = figures["tasks in the world"], figures["edited before the second sync"]
    title = f"Second sync of projects, tasks and stories: {tasks} tasks, {edited} of them edited"
    height = TOP + len(requests) * (BAR + GAP)
    parts = [
        f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {WIDTH} {height}" {STYLE}>',
        f"<title>{title}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="15">{title}</text>',
    ]
    most = max(requests.values())
    for place, (name, sent) in enumerate(requests.items()):
        y, long = TOP + place * (BAR + GAP), max(1, round(LONGEST * sent / most))
        color, middle = THEIRS if place else OURS, y + BAR // 2 + 5
        parts += [
            f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{name}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{long}" height="{BAR}" fill="{color}"/>',
            f'<text x="{LEFT + long + 8}" y="{middle}">{label(sent)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def label(requests: int) -> str:
    """Return the requests, and the minutes of a paid workspace's quota that they take, in words.

    Free workspaces have no search, so there it would be another picture.
    """
    return f"{requests:,} requests, {requests / PAID_PER_MINUTE:.2f} minutes of the quota"
