"""The command: writes the file, or compares it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from source_asana import SourceAsana
from tools.builder.whole import manifest

FILE = Path(__file__).parents[2] / "docs" / "builder" / "asana_builder_manifest.yaml"
HEADER = """\
# Generated from source_asana/manifest.yaml by `make builder`; do not edit.
# How to use it and what it leaves out: docs/airbyte-cloud.md.
"""
WIDTH = 140


class _Plain(yaml.SafeDumper):
    """Repeats what occurs twice, instead of naming it."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        """Never alias."""
        return True


def generated(source: SourceAsana | None = None) -> str:
    """Return the content of the file; maps and lists of mere scalars take one line."""
    text = yaml.dump(
        manifest(source),
        Dumper=_Plain,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=WIDTH,
    )
    return HEADER + text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or compare; return the process exit code."""
    parser = argparse.ArgumentParser(
        prog="tools.builder", description="Derive the manifest for the Connector Builder."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    options = parser.parse_args(arguments)
    text = generated()
    if options.check:
        return _compare(text)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text, "utf-8")
    return 0


def _compare(text: str) -> int:
    if FILE.exists() and FILE.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"docs/builder/{FILE.name} is not current: make builder\n")
    return 1
