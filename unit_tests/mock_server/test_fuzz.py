"""Whatever stands in the files: it works, or one config error says what is wrong, and no secret."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from source_asana import SourceAsana
from source_asana.config import parse_config
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Sync, catalog, command, config_for, read, streams

SECRET = "1/1209876543210987:0123456789abcdef0123456789abcdef"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from([SECRET, "12", "-1", "2024-01-01", "1e999", "\x00"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = (
    "credentials",
    "organization_export_ids",
    "num_workers",
    "workspace_ids",
    "project_ids",
    "exclude_project_ids",
    "team_ids",
    "portfolio_ids",
    "include_archived_projects",
    "start_date",
    "include_tasks_without_project",
    "change_detection",
    "search_overlap_minutes",
    "full_scan_interval_hours",
    "time_entries_lookback_days",
    "requests_per_minute",
    "api_url",
    "test_mode",
)
CREDENTIALS = st.dictionaries(
    st.sampled_from(
        ["personal_access_token", "client_id", "client_secret", "refresh_token", "option_title"]
    ),
    st.one_of(st.just(SECRET), VALUES),
)
CONFIGS = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
    st.fixed_dictionaries({"credentials": CREDENTIALS}),
    st.builds(
        lambda key, value: {"credentials": {"personal_access_token": SECRET}, key: value},
        st.sampled_from(KEYS),
        VALUES,
    ),
)
FEW = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def survives(load: Callable[[str], Any], path: Path, text: str) -> None:
    """Assert that a file with this text is read, or refused in one sentence without a secret."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    error = None
    try:
        load(str(path))
    except AirbyteTracedException as raised:
        error = raised
    if error:
        assert error.failure_type is FailureType.config_error
        assert_sentence(str(error.message))
        assert SECRET not in str(error.internal_message)


def configured(path: str) -> Any:
    """Return the settings in a file."""
    return parse_config(SourceAsana.read_config(path))


def assert_sentence(text: str) -> None:
    assert text.endswith("."), text
    assert "\n" not in text
    assert "Traceback" not in text
    assert SECRET not in text
    assert 20 < len(text) < 400


@FEW
@given(value=CONFIGS)
def test_any_config(tmp_path: Path, value: Any) -> None:
    survives(configured, tmp_path / "config.json", json.dumps(value))


@FEW
@given(value=st.one_of(VALUES, st.fixed_dictionaries({"streams": st.lists(VALUES, max_size=2)})))
def test_any_catalog(tmp_path: Path, value: Any) -> None:
    survives(SourceAsana.read_catalog, tmp_path / "catalog.json", json.dumps(value))


@FEW
@given(
    value=st.one_of(
        VALUES,
        st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(["STREAM", "GLOBAL", "LEGACY", None]), "stream": VALUES}
            ),
            max_size=2,
        ),
    )
)
def test_any_state(tmp_path: Path, value: Any) -> None:
    survives(SourceAsana.read_state, tmp_path / "state.json", json.dumps(value))


@FEW
@given(text=st.text(max_size=30), cut=st.integers(0, 60))
def test_any_text(tmp_path: Path, text: str, cut: int) -> None:
    whole = json.dumps({"credentials": {"personal_access_token": SECRET}})
    for load in (configured, SourceAsana.read_catalog, SourceAsana.read_state):
        survives(load, tmp_path / "file.json", text)
        survives(load, tmp_path / "file.json", whole[:cut])


@pytest.fixture(scope="module")
def asana() -> Iterator[Sandbox]:
    with Sandbox(Small().world, plan="service") as sandbox:
        yield sandbox


@cache
def states(asana: Sandbox) -> list[dict[str, Any]]:
    """Return the true states of all incremental streams."""
    found = read(asana, incremental(), incremental=True).state
    assert len(found) == len(incremental())
    return found


def incremental() -> list[str]:
    return [n for n, s in streams().items() if "incremental" in s["supported_sync_modes"]]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    for key, below in [*items, *(enumerate(value) if isinstance(value, list) else ())]:
        yield from places(below, (*path, key))


def spoiled(value: Any, random: Random) -> Any:
    """Return a copy in which one or two values are something else, or gone."""
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 2)):
        path = random.choice([place for place in places(value) if place])
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        if random.random() < 0.2:
            del holder[path[-1]]
        else:
            odd = [None, True, -1, 1.5, "", "x", "💥", [], [1], {}, {"x": 1}, 2**70]
            holder[path[-1]] = random.choice(odd)
    return value


def acceptable(sync: Sync) -> None:
    """Assert that a sync went well, or was refused with one config error."""
    if not sync.errors:
        return
    assert_sentence(sync.mistake)
    assert SECRET not in sync.text
    assert sync.records == {}


@pytest.mark.parametrize("seed", range(8))
def test_a_state_with_odd_values(asana: Sandbox, seed: int) -> None:
    state = spoiled(states(asana), Random(seed))  # noqa: S311 - reproducible
    acceptable(read(asana, incremental(), incremental=True, state=state))


@pytest.mark.parametrize("seed", [*range(7), 58])
def test_a_catalog_with_odd_values(asana: Sandbox, seed: int) -> None:
    odd = spoiled(catalog(["tags", "sections"], columns={"tags": ["gid"]}), Random(seed))  # noqa: S311 - reproducible
    acceptable(command("read", config_for(asana), catalog=odd))
