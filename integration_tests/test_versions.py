"""The ends of the allowed versions, of which the tests themselves run one at a time."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tools import bounds, install

ROOT = Path(__file__).parents[1]


def locked() -> dict[str, str]:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    return {package["name"]: package["version"] for package in lock["package"]}


def test_each_range_of_pyproject_holds_what_is_locked() -> None:
    allowed, found = bounds.allowed(), locked()
    assert set(allowed) == set(install.declared()["dependencies"]) - {"python"}
    assert not {
        name: (found[name], versions)
        for name, versions in allowed.items()
        if found[name] not in SpecifierSet(versions)
    }


def test_the_lowest_end_is_named_exactly_and_lies_in_its_range() -> None:
    pins = dict(one.split("==") for one in bounds.arguments("lowest"))
    assert set(pins) == set(bounds.allowed())
    assert all(pins[name] in SpecifierSet(text) for name, text in bounds.allowed().items())
    assert pins["airbyte-cdk"].startswith("7.")


def test_the_newest_end_stays_in_its_ranges() -> None:
    asked = bounds.arguments("newest")
    assert "--upgrade" in asked
    assert {f"{name}{text}" for name, text in bounds.allowed().items()} <= set(asked)


@pytest.mark.parametrize(
    ("poetry", "pip"), [("^3.10.7", ">=3.10.7,<4"), (">=7.39,<8", ">=7.39,<8")]
)
def test_ranges_of_poetry_become_those_of_pip(poetry: str, pip: str) -> None:
    assert bounds.pip_range(poetry) == pip


def test_a_range_without_a_lower_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no lower end"):
        bounds.first("<8")
