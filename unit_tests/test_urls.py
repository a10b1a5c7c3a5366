"""Ids in the URLs that a browser shows."""

from __future__ import annotations

import pytest

from source_asana.config import gid_in

OLD, NEW = "https://app.asana.com/0", "https://app.asana.com/1/15793206719"


@pytest.mark.parametrize(
    ("url", "kind", "gid"),
    [
        (f"{OLD}/1201234567890123", "project", "1201234567890123"),
        (f"{OLD}/1201234567890123/list", "project", "1201234567890123"),
        (f"{OLD}/1201234567890123/board?focus=true#top", "project", "1201234567890123"),
        (f"{OLD}/1201234567890123/1209876543210987/f", "project", "1201234567890123"),
        (f"{NEW}/project/1201234567890123", "project", "1201234567890123"),
        (f"{NEW}/project/1201234567890123/list/1202222222222222", "project", "1201234567890123"),
        (f"{NEW}/project/1201234567890123/task/1209876543210987", "project", "1201234567890123"),
        (f"{OLD}/portfolio/1201234567890123/list", "portfolio", "1201234567890123"),
        (f"{NEW}/portfolio/1201234567890123/timeline", "portfolio", "1201234567890123"),
        (f"{NEW}/team/1201234567890123/overview", "team", "1201234567890123"),
        (f"{NEW}/project/1201234567890123/list", "workspace", "15793206719"),
        (f"{NEW}/home", "workspace", "15793206719"),
        # What says of no id what it is, or only of another one.
        (f"{OLD}/1201234567890123/list", "portfolio", None),
        (f"{OLD}/1201234567890123/overview", "team", None),
        (f"{OLD}/1201234567890123/list", "workspace", None),
        (f"{OLD}/0/1209876543210987/f", "project", None),
        (f"{OLD}/portfolio/1201234567890123/list", "project", None),
        (f"{OLD}/home/15793206719", "project", None),
        (f"{NEW}/portfolio/1201234567890123", "project", None),
        (f"{NEW}/task/1209876543210987", "project", None),
        (f"{NEW}/project/12x", "project", None),
        ("https://app.asana.com/", "project", None),
        ("https://example.com/0/1201234567890123/list", "project", None),
        ("http://app.asana.com/0/1201234567890123/list", "project", None),
        ("https://[", "project", None),
        ("1201234567890123", "project", None),
        ("", "project", None),
    ],
)
def test_an_id_is_taken_where_the_url_tells_it(url: str, kind: str, gid: str | None) -> None:
    assert gid_in(url, kind) == gid
