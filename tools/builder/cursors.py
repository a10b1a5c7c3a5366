"""How the manifest finds what changed: stock cursors, and expressions on their bounds.

A stock cursor keeps the newest stamp that it saw in each partition. A partition that it does not
know yet starts at the newest stamp of all partitions, so the older records of a project that is
shared later would never be read. Two things turn that off:

- Stamps are kept with years of two digits. The CDK compares them as texts there, and "70-01-01",
  where cursors start, is the greatest of all until 2069: once one partition is empty, what unknown
  partitions start at is 1970. A CDK that compared times would do what it does elsewhere.
- One partition is always empty: `parents.py` calls it the anchor.
"""

from tools.builder.ours import Json

DAY, STAMP, SECOND = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ"
KEPT_DAY, KEPT_STAMP = DAY.lower(), STAMP.replace("%Y", "%y")
FIRST = "1970-01-01"
# Not now: where Asana's clock is ahead of this machine's, nothing would be asked for.
LAST = "2068-01-01"
# Listings have no fixed order: what changes on a page already read, while a later page is read, is
# older than the newest stamp. A walk of 150 pages at 150 requests a minute takes less.
LOOKBACK = "PT10M"
# Records that the look-back repeats are dropped where the newest stamp is older than this: then a
# sync has repeated them already. Syncs may be this far apart.
REPEATED_DAYS = 8


def cursor(column: str, formats: tuple[str, ...], kept: str, *, is_global: bool = False) -> Json:
    """Return a cursor.

    Args:
        column: what holds the stamp.
        formats: of records.
        kept: of states.
        is_global: whether there is one bound for all partitions.
    """
    content: Json = {
        "type": "DatetimeBasedCursor",
        "cursor_field": column,
        "datetime_format": kept,
        "cursor_datetime_formats": list(formats),
        "start_datetime": _instant(FIRST),
        "end_datetime": _instant(LAST),
    }
    return {**content, "global_substream_cursor": True} if is_global else content


def _instant(day: str) -> Json:
    return {"type": "MinMaxDatetime", "datetime": day, "datetime_format": DAY}


CURSORS = {
    "modified": cursor("modified_at", (STAMP, SECOND), KEPT_STAMP),
    # What to read is the parents' matter: these bounds are kept because the CDK keeps the parents'
    # bounds beside one only.
    "children": cursor("created_at", (STAMP, SECOND), KEPT_STAMP, is_global=True),
    "subtasks": cursor("modified_at", (STAMP, SECOND), KEPT_STAMP, is_global=True),
    "entered": cursor("entered_on", (DAY,), KEPT_DAY),
}

_BOUND = "stream_interval.start_time"
IS_FIRST = f"{_BOUND} > '69'"
"""Whether nothing of the partition was read yet."""


def stepped_back(duration: str, form: str) -> str:
    """Return the expression of the partition's bound less a duration, in a form of strftime."""
    return f"format_datetime(str_to_datetime('20' ~ {_BOUND}) - duration('{duration}'), '{form}')"


SINCE = stepped_back(LOOKBACK, "%Y-%m-%dT%H:%M:%S.000Z")
MODIFIED_SINCE = f"(config.get('start_date') or '') if {IS_FIRST} else {SINCE}"

_STAMP = "record.modified_at[2:23]"
IS_STARTED = "not config.get('start_date') or record.modified_at >= config.start_date"
_RECENT = f"{_BOUND} > day_delta(-{REPEATED_DAYS}, '%y-%m-%d') and record.modified_at >= {SINCE}"
IS_CHANGED = (
    f"not record.modified_at or (({IS_STARTED}) if {IS_FIRST} "
    f"else {_STAMP} > {_BOUND}[:21] or ({_RECENT}))"
)
"""Whether a record has to be sent: it is newer than the partition's bound, or just before it."""

# Days worked, not days entered: look back, also from days to come.
ENTERED_SINCE = (
    f"'{FIRST}' if {IS_FIRST} else format_datetime(str_to_datetime(min('20' ~ {_BOUND}, "
    "day_delta(0, '%Y-%m-%d'))) - "
    f"duration('P' ~ config.get('time_entries_lookback_days', 30) ~ 'D'), '{DAY}')"
)


def log(cursor_field: str) -> Json:
    """Return the cursor of a stream that only ever gets new records."""
    return cursor(cursor_field, (STAMP, SECOND), KEPT_STAMP)


def logged_since(duration: str) -> str:
    """Return the expression of such a stream's bound less a duration, empty at first."""
    return f"'' if {IS_FIRST} else {stepped_back(duration, '%Y-%m-%dT%H:%M:%S.000Z')}"
