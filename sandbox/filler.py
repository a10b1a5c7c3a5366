"""Makes up plausible, varied, repeatable values from a field's type and the object's gid."""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

from sandbox.instability import FILES, PICTURES, SIGNATURE
from sandbox.server_time import to_stamp
from sandbox.spec import SCHEMAS, Field, kinds_of_schema
from sandbox.words import WORDS

OMIT: Final = object()
DAY_SECONDS = 86_400
FIRST_DAY = 1_735_689_600  # 2025-01-01


def number_for(gid: str, name: str) -> int:
    """Return a number that depends only on the gid and the field."""
    return crc32(f"{gid}|{name}".encode())


def text_for(gid: str, name: str, words: int = 12) -> str:
    """Return a short text in several scripts."""
    seed = number_for(gid, name)
    return " ".join(WORDS[(seed >> i) % len(WORDS)] for i in range(words))


def fill(field: Field, gid: str) -> Any:  # noqa: PLR0911 - one line per form
    """Return a value for `field`. Relations are null or empty, conditional fields are absent."""
    seed = number_for(gid, field.name)
    if field.conditional:
        return OMIT
    if field.listed:
        return []
    if field.nullable and seed % 5 == 0:
        return None
    if field.refs:
        if any(kinds_of_schema(ref) for ref in field.refs):
            return None
        return _fill_object(SCHEMAS[field.refs[0]], gid, field.name)
    if field.inline:
        return _fill_object(field.inline, gid, field.name)
    return _fill_scalar(field, gid, seed)


def _fill_object(fields: dict[str, Field], gid: str, name: str) -> dict[str, Any]:
    values = {inner.name: fill(inner, f"{gid}/{name}") for inner in fields.values()}
    values = {key: value for key, value in values.items() if value is not OMIT}
    if "gid" in values:
        values["gid"] = str(1_300_000_000_000_000 + number_for(gid, name))
    return values


def _fill_scalar(field: Field, gid: str, seed: int) -> Any:  # noqa: C901, PLR0911 - one line per type
    word, name = field.scalar, field.name
    if word.startswith("enum:"):
        choices = word[5:].split("|")
        return choices[seed % len(choices)]
    if word == "date" or name.endswith("_on"):
        return to_stamp(FIRST_DAY + seed % 500 * DAY_SECONDS)[:10]
    if word == "date-time" or name.endswith("_at"):
        return to_stamp(FIRST_DAY + seed % (500 * DAY_SECONDS))
    if word == "boolean":
        return seed % 3 == 0
    if word == "integer":
        return seed % 100
    if word == "number":
        return seed % 10_000 / 100
    if word == "object":
        return {}
    if word.startswith("string="):
        return word[7:]
    if name.startswith("image_"):
        return f"{PICTURES}/{gid.partition('/')[0]}/{name}.png?{SIGNATURE}"
    if name == "download_url":
        return f"{FILES}/{gid}/file?{SIGNATURE}"
    if "url" in name:
        return f"https://app.asana.com/0/{gid}/{name}"
    if name.startswith("html_"):
        return f"<body>{text_for(gid, name[5:])}</body>"
    return text_for(gid, name, 4)
