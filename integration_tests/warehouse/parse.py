"""Parse SQL files in a dialect with sqlglot: `python parse.py DIALECT FOLDER`, with dbt's Python.

Prints how many files were parsed. A file that is not understood, or is only taken as an opaque
command, ends it with an error.
"""

import sys
from pathlib import Path

import sqlglot  # type: ignore[import-not-found]


def main() -> None:
    """Parse every file of the folder."""
    dialect, folder = sys.argv[1:]
    files = sorted(Path(folder).rglob("*.sql"))
    for file in files:
        statements = sqlglot.parse(file.read_text("utf-8"), read=dialect)
        if len(statements) != 1 or not isinstance(statements[0], sqlglot.expressions.Query):
            sys.exit(f"{file} is not one query")
    sys.stdout.write(f"{len(files)}\n")


if __name__ == "__main__":
    main()
