"""The manifest uses the keywords that the code reads; the table of them is made by tools.docs."""

from __future__ import annotations

import ast

from tools.docs_keywords import CODE, keywords, used_keywords

# What the CDK's own classes have, too.
STOCK = {"error_handler", "path", "response_filters", "token_refresh_endpoint", "url_base"}


def test_the_manifest_uses_every_keyword_and_no_other() -> None:
    used, known = used_keywords() - STOCK, {keyword.name for keyword in keywords()}
    unknown, unused = ", ".join(sorted(used - known)), ", ".join(sorted(known - used))

    assert not unknown, f"No class has these keywords of the manifest, so correct them: {unknown}."
    assert not unused, f"The manifest uses none of these keywords, so remove them: {unused}."


def test_every_keyword_is_read() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in CODE.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}

    assert {keyword.name for keyword in keywords() if "." not in keyword.name} <= read


def test_every_keyword_has_a_meaning() -> None:
    assert [keyword.name for keyword in keywords() if not keyword.meaning] == []
