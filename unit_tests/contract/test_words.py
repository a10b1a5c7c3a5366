"""Code and docs/design.md use Asana's, Airbyte's and the field's words, and no dialect of our own.

Each word on the left stands for something that has a name already, which is on the right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAIN: dict[str, str] = {
    r"homes?|taggers?": "partition, fingerprint",
    r"floors?|listing pass(es)?": "watermark or instant, full scan",
    r"departed|departures?|absent|vanish(ed|es)?|stale": "missing (not shown), deleted (404)",
    r"gone|lost|forget|forgotten": "missing, deleted (404), forbidden (403), removed",
    r"fates?|bury|buried|look(s|ed)? into": "existence, send_tombstone, confirm",
    r"coarse|keyless|shrinks?": "ledger dropped, evict",
    r"family|families|keepers?|holders?": "task streams, tasks with attachments",
    r"hidden": "parent_only, forbidden",
    r"address(es)?": "URL, path",
    r"spares?|spared|lacks?|lacked|lacking|lets? go|of use|anew|besides|the like": "plain words",
    r"polic(y|ies)": "strategy",
}
# A name counts as well, up to an underscore or a capital: `is_stale`, `StaleRow`.
WORD = re.compile(r"(?<![a-zA-Z])(?i:" + "|".join(PLAIN) + r")(?![a-z])")
# What Airbyte, the CDK, Asana or the user's log says, and keys of the states and the summary.
ALLOWED = re.compile(
    r"airbyte_hidden|e-mail address|IP address|loopback address|CDK's policies|get_matching_policy"
)


def lines() -> Iterator[tuple[str, int, str]]:
    files = [*ROOT.glob("source_asana*/**/*.py"), ROOT / "source_asana/manifest.yaml"]
    for path in [*sorted(files), ROOT / "docs/design.md"]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            yield str(path.relative_to(ROOT)), number, ALLOWED.sub("", line)


def test_no_word_of_a_dialect() -> None:
    found = [
        f"{name}:{number}: {match[0]}"
        for name, number, line in lines()
        for match in WORD.finditer(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["def is_stale():", "# What was lost.", "class StaleRow:"])
def test_the_words_are_found(line: str) -> None:
    assert WORD.search(line)
