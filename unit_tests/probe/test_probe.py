"""The probe asks little, writes nothing, tells nothing of the workspace, and finds no fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox, World
from tools.probe.__main__ import QUESTIONS
from tools.probe.asker import MOST_REQUESTS
from unit_tests.mock_server.worlds import Small
from unit_tests.probe.probing import Probed, leaks, probed

PAGE = Path(__file__).parents[2] / "docs" / "live.md"


@pytest.fixture(scope="module", params=["free", "advanced", "service", "unsteady", "large"])
def run(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Probed]]:
    size = 3000 if request.param == "large" else 200
    plan = request.param if request.param in ("free", "advanced", "service") else "service"
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
    assert f"{len(asana.log)} GETs; nothing was written" in found.text


def test_it_tells_nothing_of_the_workspace(run: tuple[Sandbox, Probed]) -> None:
    asana, found = run
    assert leaks(asana, found.text) == set()


def test_what_is_as_documented_contradicts_nothing(run: tuple[Sandbox, Probed]) -> None:
    _, found = run
    assert found.contradicted == set()
    assert found.contradictions == 0
    assert list(found.findings.values()).count("agrees") >= 7


def test_the_page_says_of_each_question_why_it_matters() -> None:
    rows = [
        line.split("|")[1].strip() for line in PAGE.read_text("utf-8").splitlines() if "|" in line
    ]
    titles = [question.title for question in QUESTIONS]
    assert [row for row in rows if row.endswith("?")] == titles


@pytest.mark.parametrize("organization", [True, False])
def test_a_workspace_with_nothing_in_it_is_not_enough(*, organization: bool) -> None:
    with Sandbox(World.empty(organization=organization)) as asana:
        found = probed(asana)
    assert found.contradictions == 0
    assert "form that nobody expected" not in found.text
    assert list(found.findings.values()).count("not enough data") >= 5


def test_only_what_the_configuration_names_is_looked_at() -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        probed(asana, project_ids=[small.second])
        asked = {e.params["project"] for e in asana.log if e.path == "/tasks"}
    assert asked == {small.second}


def test_answers_of_another_form_are_not_enough() -> None:
    with Sandbox(Small().world) as asana:
        asana.fault("status", "/tasks", status=200, times=None, body={"data": [{"name": "Ada"}]})
        found = probed(asana)
    assert "An answer has a form that nobody expected (KeyError)." in found.text
    assert "Ada" not in found.text


def test_the_requests_end_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.probe.asker.MOST_REQUESTS", 40)
    with Sandbox(World.generate(tasks=100)) as asana:
        found = probed(asana)
        assert len(asana.log) == 40
    assert found.contradictions == 0
    assert "requests were used up" in found.text
