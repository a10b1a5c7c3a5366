"""Names of the columns that custom fields become.

A field's name is free text, neither unique nor stable; a column's must be both, in every
destination. Letters of other scripts are written in Latin ones, emoji by their names: BigQuery,
Redshift and data lakes put `_` in the place of each character that is not an ASCII letter or digit
(Airbyte's `toAlphanumericAndUnderscore`), so that two Arabic names of the same length would be one
column there. Snowflake, Postgres and DuckDB would keep them, but a query that is written for one
destination is to run on the others. 63 bytes is what Postgres takes, the least of all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

from anyascii import anyascii

PREFIX = "custom_"
MOST_BYTES = 63
# What tells fields of one name apart: the end of the gid, and all of it where that is not enough.
CLASH_DIGITS = 6
WHOLE_GID = 2
CAMEL = re.compile(r"([a-z])([A-Z])")
OTHER = re.compile(r"[^a-z0-9]+")


def column_names(labels: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """Return the column's name of every field.

    The result does not depend on any order. Fields whose names would be the same all get the end of
    their gid, so that none of them is taken for another once one is deleted.

    Args:
        labels: gid of a field -> its name.
        taken: names of the stream's other columns, none of which ends in a gid.
    """
    words = {gid: snake_case(label) for gid, label in labels.items()}
    digits = {gid: 0 if word else 1 for gid, word in words.items()}
    while True:
        names = {gid: _name(words[gid], gid, digits[gid]) for gid in labels}
        times = Counter(names.values())
        clashing = [
            gid
            for gid, name in names.items()
            if (times[name] > 1 or name in taken) and digits[gid] < WHOLE_GID
        ]
        if not clashing:
            return names
        for gid in clashing:
            digits[gid] += 1


def snake_case(label: str) -> str:
    """Return a text as lower-case ASCII words joined by `_`, empty for one without any."""
    plain = CAMEL.sub(r"\1_\2", anyascii(label).replace("'", ""))
    return OTHER.sub("_", plain.lower()).strip("_")


def _name(word: str, gid: str, digits: int) -> str:
    end = ("", gid[-CLASH_DIGITS:], gid)[digits]
    room = MOST_BYTES - len(PREFIX) - len(end) - bool(end)
    return PREFIX + "_".join(filter(None, (word[:room].rstrip("_"), end)))
