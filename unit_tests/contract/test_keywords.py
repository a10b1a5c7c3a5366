"""The manifest uses the keywords that the code reads; the table of them is made by tools.docs."""

from __future__ import annotations

from tools.docs_keywords import keywords, used_keywords

# What the CDK's own classes have, too.
STOCK = {"error_handler", "path", "response_filters", "token_refresh_endpoint", "url_base"}


def test_the_manifest_uses_every_keyword_and_no_other() -> None:
    assert used_keywords() - STOCK == {keyword.name for keyword in keywords()}


def test_every_keyword_has_a_meaning() -> None:
    assert [keyword.name for keyword in keywords() if not keyword.meaning] == []
