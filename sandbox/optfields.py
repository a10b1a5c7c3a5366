"""The grammar of opt_fields: paths, `this.`, and the group operator.

Source: Asana's page "Input/output options". The result is a tree of names, such as `{"assignee":
{"name": {}}, "name": {}}`.
"""

from __future__ import annotations

from functools import lru_cache

Tree = dict[str, "Tree"]


def _split(text: str, separator: str) -> list[str]:
    """Split at every `separator` outside parentheses."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return parts


def _expand(path: str) -> list[list[str]]:
    """Return every path that `path` stands for with its groups."""
    paths: list[list[str]] = [[]]
    for term in _split(path, "."):
        if term.startswith("(") and term.endswith(")"):
            inner = [found for choice in _split(term[1:-1], "|") for found in _expand(choice)]
        else:
            inner = [[term]]
        paths = [[*head, *tail] for head in paths for tail in inner]
    return paths


@lru_cache(maxsize=4096)
def parse(text: str) -> Tree:
    """Return the tree of names; a name with nothing below it is a leaf."""
    tree: Tree = {}
    for path in _split(text, ","):
        for names in _expand(path.strip()):
            branch = tree
            for place, name in enumerate(names):
                if not name or (place == 0 and name == "this"):
                    continue
                branch = branch.setdefault(name, {})
    return tree


def flat(tree: Tree, prefix: str = "") -> str:
    """Return a tree as sorted paths, which are equal for equal trees."""
    return ",".join(
        flat(branch, f"{prefix}{name}.") if branch else prefix + name
        for name, branch in sorted(tree.items())
    )
