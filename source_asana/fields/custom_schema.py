"""The schema of custom fields' columns, from the definitions and settings that a discover found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from source_asana.fields.custom import column_names, kind_of, property_of

MOST_COLUMNS = 500
# Stream -> the containers whose settings decide about its fields; a project has values for those of
# the portfolios that it is in.
CONTAINERS: Mapping[str, tuple[str, ...]] = {
    "tasks": ("projects",),
    "subtasks": ("projects",),
    "projects": ("projects", "portfolios"),
    "portfolios": ("portfolios",),
    "goals": ("goals",),
}


@dataclass
class FoundFields:
    """The custom fields that a discover found.

    Attributes:
        definitions: gid -> definition.
        library: gids of the workspaces' library fields.
        uses: kind of container -> gid of a field -> how many have it in their settings.
        carried: kind of container -> gid of a field -> how many have it among their own values.
        dated: project -> its date fields.
        timed: gids of the date fields some of whose values have a time.
    """

    definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    library: set[str] = field(default_factory=set)
    uses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    carried: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dated: dict[str, set[str]] = field(default_factory=dict)
    timed: set[str] = field(default_factory=set)

    def add_library(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Take the fields of a workspace's library."""
        self.library |= self._defined(definitions)

    def add_containers(self, kind: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Take the fields that projects, portfolios or goals have."""
        for record in records:
            self.add_times(record)
            self.carried[kind].update(self._defined(record.get("custom_fields") or ()))
            settings = record.get("custom_field_settings") or ()
            found = self._defined(filter(None, (item.get("custom_field") for item in settings)))
            self.uses[kind].update(found)
            dates = {gid for gid in found if self._kind(gid) == "date"}
            if dates and kind == "projects":
                self.dated[record["gid"]] = dates

    def _defined(self, fields: Iterable[Mapping[str, Any]]) -> set[str]:
        """Note the definitions of fields; return their gids."""
        found = {one["gid"]: one for one in fields}
        self.definitions |= found
        return set(found)

    def add_times(self, record: Mapping[str, Any]) -> None:
        """Note the date fields that have a time in a record."""
        for value in record.get("custom_fields") or ():
            if (value.get("date_value") or {}).get("date_time"):
                self.timed.add(value["gid"])

    def properties(self, stream: str, taken: Collection[str]) -> tuple[dict[str, Any], list[str]]:
        """Return the properties of a stream's columns, and the gids of the fields that get none.

        Args:
            stream: its name.
            taken: names of the stream's other columns.
        """
        uses = sum((self.uses[kind] for kind in CONTAINERS[stream]), Counter(self.carried[stream]))
        labels = {gid: self.label(gid) for gid in self.library | uses.keys()}
        names = column_names(labels, taken)
        ranked = sorted(labels, key=lambda gid: (-uses[gid], len(gid), gid))
        kept = sorted(ranked[:MOST_COLUMNS], key=names.__getitem__)
        columns = {names[gid]: property_of(gid, labels[gid], self._kind(gid)) for gid in kept}
        return columns, ranked[MOST_COLUMNS:]

    def label(self, gid: str) -> str:
        """Return a field's name."""
        return str(self.definitions[gid].get("name") or "")

    def _kind(self, gid: str) -> str:
        kind = kind_of(self.definitions[gid])
        return "date-time" if kind == "date" and gid in self.timed else kind


def covering(dated: Mapping[str, Collection[str]], each: int, most: int) -> list[str]:
    """Return few projects that together have every date field some times.

    Args:
        dated: project -> its date fields.
        each: in how many projects a field is wanted, if it is in as many.
        most: how many projects may be named.
    """
    wanted = Counter({gid: each for gids in dated.values() for gid in gids})
    left = dict(dated)
    found: list[str] = []
    while left and len(found) < most:
        best = max(left, key=lambda project: sum(wanted[gid] > 0 for gid in left[project]))
        if all(wanted[gid] <= 0 for gid in left[best]):
            break
        wanted.subtract(left.pop(best))
        found.append(best)
    return found
