"""Read Asana into a DuckDB file with PyAirbyte; a second run is incremental.

    make install pyairbyte
    .venv-pyairbyte/bin/python examples/pyairbyte_duckdb.py secrets/config.json asana.duckdb

Further arguments name the streams to read; without any, all are read. PyAirbyte keeps the states in
the same file, in the table `_airbyte_state`. With `track_deletions` in the configuration, what was
deleted in Asana stays in the tables as a tombstone, which `living` leaves out.
"""

import json
import sys
from pathlib import Path

import airbyte as ab
from airbyte.caches import DuckDBCache
from airbyte.datasets import CachedDataset, SQLDataset

# The connector has an environment of its own; PyAirbyte starts it as a process.
CONNECTOR = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "source-asana"
DELETED = "_ab_cdc_deleted_at"


def sync(config: Path, database: Path, streams: list[str]) -> dict[str, int]:
    """Read the streams, all when none is named; return stream -> rows, without tombstones."""
    source = ab.get_source(
        "source-asana",
        config=json.loads(config.read_text("utf-8")),
        streams=streams or "*",
        local_executable=CONNECTOR,
    )
    source.check()
    result = source.read(cache=DuckDBCache(db_path=database))
    return {name: len(living(result[name])) for name in result.streams}


def living(rows: CachedDataset) -> SQLDataset:
    """Return the rows of what was not deleted."""
    if DELETED not in rows.column_names:
        return rows
    return rows.with_filter(f"{DELETED} IS NULL")


def main() -> None:
    """Read, and say how many rows each table has."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    config, database, *streams = sys.argv[1:]
    for name, rows in sync(Path(config), Path(database), streams).items():
        sys.stdout.write(f"{name:<34}{rows:>8} rows\n")


if __name__ == "__main__":
    main()
