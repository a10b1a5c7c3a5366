"""What the tests of the dbt package share: one history, one server, the two warehouses."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_tests.warehouse import scenario
from integration_tests.warehouse.asana import Asana
from integration_tests.warehouse.engines import DuckDb, Engine, PostgreSql
from integration_tests.warehouse.postgres_server import Postgres, postgres, programs
from integration_tests.warehouse.scenario import History

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests out unless they are asked for: they need what `make warehouse` installs."""
    asked = any("warehouse" in argument for argument in config.args)
    return None if asked or collection_path == HERE else True


@pytest.fixture(scope="session")
def history() -> History:
    with Asana("--tasks", "150", "--plan", "service") as asana:
        return scenario.play(asana)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    if programs() is None:
        pytest.fail("PostgreSQL is not there: apt-get install postgresql")
    # Not in pytest's folder, which only its owner may enter: the server is run by another user.
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> DuckDb:
    return DuckDb(tmp_path_factory.mktemp("duckdb"))


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory, server: Postgres) -> PostgreSql:
    return PostgreSql(tmp_path_factory.mktemp("postgresql"), server)


@pytest.fixture(scope="module", params=["duckdb", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.getfixturevalue(request.param)
    return chosen
