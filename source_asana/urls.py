"""Ids in the URLs of Asana's web pages, which users paste where an id is asked for."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HOST = "app.asana.com"
# The newer URLs say what each id is of, and so do the older ones of portfolios. An older URL that
# begins with an id is a project's, or that of one of its tasks.
UNNAMED = {"project": r"/0/([1-9][0-9]*)", "workspace": r"/1/([0-9]+)"}


def gid_in(text: str, kind: str) -> str | None:
    """Return the id of an object of this kind in a URL; None if the URL does not tell it.

    Args:
        text: what a user gave, such as `https://app.asana.com/0/1201234567890123/list`.
        kind: `project`, `portfolio`, `team`, `workspace` ...
    """
    try:
        url = urlsplit(text)
    except ValueError:
        return None
    if url.scheme != "https" or url.netloc != HOST:
        return None
    patterns = [rf"/(?:0|1/[0-9]+)/(?:.+/)?{kind}/([0-9]+)", UNNAMED.get(kind)]
    found = [re.match(rf"{pattern}(?:/|$)", url.path) for pattern in patterns if pattern]
    return next((match[1] for match in found if match), None)
