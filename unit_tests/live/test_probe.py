"""The probe asks little, writes nothing, tells nothing of the workspace, and finds no fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox, World
from source_asana.live.asker import MOST_REQUESTS
from unit_tests.live.probing import Probed, leaks, probed
from unit_tests.mock_server.worlds import Small


@pytest.fixture(scope="module", params=["free", "paid", "advanced", "service", "unsteady", "large"])
def run(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Probed]]:
    size = 3000 if request.param == "large" else 200
    plan = request.param if request.param in ("free", "paid", "advanced", "service") else "service"
    world = World.generate(tasks=size, seed=size)
    with Sandbox(world, plan=plan, unsteady=request.param == "unsteady") as asana:
        yield asana, probed(asana)


def test_it_only_reads(run: tuple[Sandbox, Probed]) -> None:
    asana, _ = run
    assert {entry.method for entry in asana.log} == {"GET"}
    assert asana.unknown_params == []
    assert {name.rpartition(".")[2] for name in asana.unknown_fields} <= {"no_such_field_of_asana"}


def test_it_asks_little(run: tuple[Sandbox, Probed]) -> None:
    asana, found = run
    assert 50 < len(asana.log) <= MOST_REQUESTS
    assert f"GETs of at most {MOST_REQUESTS}; nothing was written" in found.text


def test_it_tells_nothing_of_the_workspace(run: tuple[Sandbox, Probed]) -> None:
    asana, found = run
    assert leaks(asana, found.text) == set()


def test_what_is_as_documented_contradicts_nothing(run: tuple[Sandbox, Probed]) -> None:
    _, found = run
    assert found.contradicted == set()
    assert found.contradictions == 0
    assert list(found.findings.values()).count("agrees") >= 15


def test_an_address_has_room_for_the_longest_of_ours(run: tuple[Sandbox, Probed]) -> None:
    seen = run[1].seen["How long may an address be?"]
    assert "8000 characters: HTTP 200" in seen


@pytest.mark.parametrize("organization", [True, False])
def test_a_workspace_with_nothing_in_it_is_not_enough(*, organization: bool) -> None:
    with Sandbox(World.empty(organization=organization)) as asana:
        found = probed(asana)
    assert found.contradictions == 0
    assert "form that nobody expected" not in found.text
    assert list(found.findings.values()).count("not enough data") >= 15


def test_the_same_workspace_has_the_same_alias() -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        texts = [probed(asana).text for _ in range(2)]
        other = asana.api.auth.add("1/other:token", asana.viewer(), kind="personal_access_token")
        asana.token = other.text
        texts.append(probed(asana).text)
    first, again, foreign = (text.partition("(#")[2][:8] for text in texts)
    assert first == again != foreign


def test_only_what_the_configuration_names_is_looked_at() -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        probed(asana, project_ids=[small.second])
        asked = {e.params["project"] for e in asana.log if e.path == "/tasks"}
    assert asked == {small.second}


def test_a_listing_that_fails_leaves_the_rest() -> None:
    with Sandbox(Small().world) as asana:
        asana.fault("html502", "/tasks", times=None)
        found = probed(asana)
    assert found.contradictions == 0
    assert "tasks: 0" in found.text
    assert list(found.findings.values()).count("agrees") >= 5


def test_answers_of_another_form_are_not_enough() -> None:
    with Sandbox(Small().world) as asana:
        for path in ("/tasks", "/status_updates"):
            asana.fault("status", path, status=200, times=None, body={"data": [{"name": "Ada"}]})
        found = probed(asana)
    assert "An answer has a form that nobody expected (KeyError)." in found.text
    assert "Ada" not in found.text


def test_the_requests_end_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.live.asker.MOST_REQUESTS", 40)
    with Sandbox(World.generate(tasks=100)) as asana:
        found = probed(asana)
        assert len(asana.log) == 40
    assert found.contradictions == 0
    assert "requests were used up" in found.text
