"""The two warehouses that the package is really run on, behind one face."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from integration_tests.warehouse import duckdb_files
from integration_tests.warehouse.dbt_runs import PACKAGE, Dbt
from integration_tests.warehouse.postgres_server import Postgres
from integration_tests.warehouse.tables import Table

Row = dict[str, Any]
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00(?::00)?)?")


class Engine(ABC):
    """A warehouse with raw tables in one place and the models in another.

    Attributes:
        raw: the schema of the raw tables. target: that which dbt's schemas are named after.
        variables: what tells the package where the raw tables are.
    """

    raw = "raw asana"
    target = "mart"

    def __init__(self, folder: Path) -> None:
        """Take a folder for dbt's files."""
        self.folder = folder
        self.variables: dict[str, Any] = {"asana_airbyte_schema": self.raw}

    @abstractmethod
    def write(self, tables: Mapping[str, Table]) -> None:
        """Write raw tables; those of earlier tests go."""

    @abstractmethod
    def output(self) -> dict[str, Any]:
        """Return the output of dbt's profile."""

    @abstractmethod
    def query(self, sql: str) -> list[Row]:
        """Return rows, their values as JSON has them."""

    @abstractmethod
    def search(self, sql: str) -> list[Row]:
        """Return the rows of a query that names tables without their schemas."""

    def dbt(
        self,
        name: str = "dbt",
        project: Path = PACKAGE,
        variables: Mapping[str, Any] | None = None,
        *,
        strict: bool = True,
    ) -> Dbt:
        """Return dbt on this warehouse; `strict` makes warnings errors."""
        return Dbt(
            self.folder / name,
            self.output(),
            project=project,
            variables=self.variables | dict(variables or {}),
            strict=strict,
        )

    def names(self, schema: str) -> list[str]:
        """Return the tables and views of one of dbt's schemas."""
        answer = self.query(
            "select table_name from information_schema.tables "  # noqa: S608
            f"where table_schema = '{self.target}_{schema}' order by 1"
        )
        return [row["table_name"] for row in answer]

    def table(self, schema: str, name: str) -> list[Row]:
        """Return the rows of a table in one of dbt's schemas, comparable and in order."""
        rows = self.query(f'select * from "{self.target}_{schema}"."{name}"')  # noqa: S608
        return ordered([{key: plain(value) for key, value in row.items()} for row in rows])


class DuckDb(Engine):
    """The raw tables are in an attached file, whose name the profile says."""

    def __init__(self, folder: Path) -> None:
        """Take a folder for the files."""
        super().__init__(folder)
        self.lake, self.file = folder / "lake.duckdb", folder / "marts.duckdb"
        self.variables |= {"asana_airbyte_database": "lake"}

    def write(self, tables: Mapping[str, Table]) -> None:
        """Write raw tables into the file that is attached."""
        duckdb_files.write(self.lake, self.raw, tables)

    def output(self) -> dict[str, Any]:
        """Return the output of dbt's profile; the time zone shows what depends on it."""
        return {
            "type": "duckdb",
            "path": str(self.file),
            "schema": self.target,
            "attach": [{"path": str(self.lake), "alias": "lake"}],
            "settings": {"TimeZone": "Asia/Tokyo"},
        }

    def query(self, sql: str) -> list[Row]:
        """Return rows by way of JSON; views may read the attached file."""
        return self._rows(sql, f"attach '{self.lake}' (read_only)")

    def search(self, sql: str) -> list[Row]:
        """Return rows, from the models or the attached file."""
        places = f'marts.{self.target}_asana_marts,lake."{self.raw}"'
        return self._rows(sql, f"attach '{self.lake}' (read_only)", f"set search_path = '{places}'")

    def _rows(self, sql: str, *before: str) -> list[Row]:
        query = f"select cast(to_json(answer) as varchar) as line from ({sql}) as answer"  # noqa: S608
        answer = duckdb_files.rows(self.file, query, *before)
        return [json.loads(row["line"]) for row in answer]


class PostgreSql(Engine):
    """The raw tables are in another schema of the same database."""

    def __init__(self, folder: Path, server: Postgres) -> None:
        """Take a folder for dbt's files and a running server, whose database is emptied."""
        super().__init__(folder)
        self.server = server
        for schema in server.run("select nspname from pg_namespace").split("\n"):
            if schema.startswith((self.target, self.raw)):
                server.run(f'drop schema "{schema}" cascade')

    def write(self, tables: Mapping[str, Table]) -> None:
        """Write raw tables."""
        self.server.write(self.raw, tables)

    def output(self) -> dict[str, Any]:
        """Return the output of dbt's profile."""
        return {
            "type": "postgres",
            "host": "127.0.0.1",
            "port": self.server.port,
            "user": "asana",
            "password": "asana",
            "dbname": "asana",
            "schema": self.target,
        }

    def query(self, sql: str) -> list[Row]:
        """Return rows."""
        return self.server.rows(sql)

    def search(self, sql: str) -> list[Row]:
        """Return rows, from the models or the raw tables."""
        places = f'"{self.target}_asana_marts", "{self.raw}"'
        return self.server.rows(sql, f"set search_path = {places}")


def plain(value: Any) -> Any:
    """Return a value so that those of two warehouses, and of Asana, compare."""
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(float(value), 6)
    if isinstance(value, str) and (found := INSTANT.fullmatch(value)):
        part = (found[3] or "").rstrip("0")
        return f"{found[1]} {found[2]}" + (f".{part}" if part else "")
    return value


def ordered(rows: list[Row]) -> list[Row]:
    """Return rows in an order that depends on nothing but them."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
