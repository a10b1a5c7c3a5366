"""What can be read off all answers of the probe: `Date`, offsets, refusals of the rate limit."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from source_asana.http.clock import DATE_GRAIN_MS, to_millis
from source_asana.live.asker import Asker, Moment
from source_asana.live.question import Finding, decide, unknown
from source_asana.live.sample import Sample

ENOUGH = 5
# What a proxy or another server may be off without harm: the grain is subtracted from each bound.
SLACK_SECONDS = 1.0
AHEAD_SECONDS = 60.0
OFFSET_SECONDS = 900


def date_header(asker: Asker, sample: Sample) -> Finding:
    """Does every answer say when it was made, to the second?"""
    del sample
    dates = [(moment, _date(moment)) for moment in asker.moments]
    read = [(moment, at) for moment, at in dates if at is not None]
    problems = [f"Without a readable `Date`: {len(dates) - len(read)} of {len(dates)} answers."] * (
        len(read) < len(dates)
    )
    if len(read) < ENOUGH:
        return decide(problems, f"Answers: {len(read)}.", enough=False)
    # The true difference of the clocks is at least what an answer would show that was made the
    # moment it came, and at most what one would show that was made the moment it was asked for.
    grain = DATE_GRAIN_MS / 1000
    low = max(at - moment.came for moment, at in read)
    high = min(at + grain - moment.asked for moment, at in read)
    spread = max(0.0, low - high)
    if spread > SLACK_SECONDS:
        problems.append(f"The clocks of Asana's servers differ by {spread:.0f} s.")
    if low > AHEAD_SECONDS:
        problems.append(f"`Date` is {low:.0f} s ahead of this machine's clock: is that right?")
    return decide(problems, f"Answers: {len(read)}, with whole seconds, at most {grain:.0f} s off.")


def _date(moment: Moment) -> float | None:
    try:
        at = parsedate_to_datetime(moment.date or "")
    except (TypeError, ValueError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def stamps_and_date(asker: Asker, sample: Sample) -> Finding:
    """Is no stamp in the data later than the `Date` of the answers after it?"""
    stamps = [to_millis(task.get("modified_at")) or 0 for task in sample.tasks]
    last = next((at for m in reversed(asker.moments) if (at := _date(m))), None)
    if not stamps or last is None:
        return unknown("There are no stamps to compare.")
    over = max(stamps) / 1000 - last - DATE_GRAIN_MS / 1000
    problems = [f"A stamp is {over:.0f} s ahead of `Date`."] if over > SLACK_SECONDS else []
    return decide(problems, f"Stamps: {len(stamps)}.")


def offset_life(asker: Asker, sample: Sample) -> Finding:
    """Does an offset live 15 minutes?"""
    reply = asker.get("projects", workspace=sample.workspace, limit=1, opt_fields="gid")
    claims = _claims(reply.offset or "")
    if not {"iat", "exp"} <= claims.keys():
        return unknown("There is no second page, or its offset does not say.")
    life = claims["exp"] - claims["iat"]
    problems = [f"It lives {life:.0f} s."] if life != OFFSET_SECONDS else []
    return decide(problems, "The offset itself says so.")


def _claims(offset: str) -> dict[str, float]:
    """Return the numbers in an offset that is a JSON web token; none in another one."""
    parts = offset.split(".")
    if len(parts) < 2:
        return {}
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = orjson.loads(text)
    except (binascii.Error, ValueError):
        return {}
    found = claims.items() if isinstance(claims, dict) else ()
    return {name: value for name, value in found if isinstance(value, int | float)}


def rate_limit(asker: Asker, sample: Sample) -> Finding:
    """Does a 429 say how long to wait? None is provoked."""
    del sample
    silent = sum(wait is None for wait in asker.waits)
    problems = [f"Without saying how long to wait: {silent}."] if silent else []
    return decide(problems, f"Answers with 429: {len(asker.waits)}.", enough=bool(asker.waits))


def today(asker: Asker) -> str:
    """Return the day by the last `Date`, by our own clock without one."""
    last = next((at for m in reversed(asker.moments) if (at := _date(m))), None)
    moment = datetime.now(tz=UTC) if last is None else datetime.fromtimestamp(last, tz=UTC)
    return f"{moment:%Y-%m-%d}"
