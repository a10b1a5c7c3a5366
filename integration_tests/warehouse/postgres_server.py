"""A PostgreSQL server of the test's own: Debian's programs, a folder that is thrown away."""

import csv
import io
import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from integration_tests.warehouse.tables import Table

TYPES = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "decimal",
    "string": "varchar",
    "object": "jsonb",
    "array": "jsonb",
    "date": "date",
    "date-time": "timestamp with time zone",
}
NULL = "\\N"


def programs() -> Path | None:
    """Return the folder of the newest server's programs, none when there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None


class Postgres:
    """A running server; the database, user and password are named `asana`."""

    def __init__(self, folder: Path, port: int, bin_: Path) -> None:
        """Take where its data are, its port and its programs."""
        self.folder, self.port, self._bin = folder, port, bin_

    def run(self, *sql: str, given: str | None = None) -> str:
        """Have psql carry out statements, with a text as its input; return what it prints."""
        command = [
            str(self._bin / "psql"),
            *("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
            *("-h", "127.0.0.1", "-p", str(self.port), "-U", "asana", "-d", "asana"),
            *(part for statement in sql for part in ("-c", statement)),
        ]
        environment = {**os.environ, "PGTZ": "Asia/Tokyo", "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, schema: str, tables: Mapping[str, Table]) -> None:
        """Write the tables as the only ones of the schema."""
        self.run(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE; CREATE SCHEMA "{schema}"')
        for name, table in tables.items():
            place = f'"{schema}"."{name}"'
            declared = ", ".join(f'"{one}" {TYPES[kind]}' for one, kind in table.columns.items())
            self.run(f"CREATE TABLE {place} ({declared})")
            copy = f"COPY {place} FROM STDIN WITH (FORMAT csv, NULL '{NULL}')"
            self.run(copy, given=_csv(table))

    def rows(self, query: str, *before: str) -> list[dict[str, Any]]:
        """Return a query's rows, as JSON has them; the statements `before` prepare the session."""
        wrapped = f"SELECT row_to_json(answer) FROM ({query}) AS answer"  # noqa: S608
        lines = self.run(*before, wrapped).splitlines()
        return [json.loads(line) for line in lines]


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in table.rows:
        values = (row.get(column) for column in table.columns)
        writer.writerow([NULL if value is None else value for value in values])
    return text.getvalue()


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Start a server with its data in a folder; stop it at the end."""
    bin_ = programs()
    assert bin_ is not None, "PostgreSQL is not installed"
    user = _server_user(folder)
    data = folder / "data"
    control: list[str | Path] = [bin_ / "pg_ctl", "-D", data, "-w", "-s"]
    _as(
        user,
        [bin_ / "initdb", "-D", data, "-U", "asana", "-E", "UTF8", "-A", "trust", "--locale=C"],
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A time zone other than UTC shows what depends on the session's.
    options = (
        f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c timezone=Asia/Tokyo -c fsync=off"
    )
    _as(user, [*control, "-l", folder / "log", "-o", options, "start"])
    try:
        server = Postgres(folder, port, bin_)
        _as(user, [bin_ / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "asana", "asana"])
        yield server
    finally:
        _as(user, [*control, "-m", "immediate", "stop"])


def _server_user(folder: Path) -> str | None:
    """Return whom to run the server as: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return "postgres"


def _as(user: str | None, command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, user=user, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
