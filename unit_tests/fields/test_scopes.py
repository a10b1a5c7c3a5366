"""Which fields, and which streams, a token loses without a scope."""

from __future__ import annotations

import pytest

from source_asana.fields.schemas import load_schema
from source_asana.fields.scopes import FIELDS, STREAMS, without_scope
from source_asana.http.errors import Verdict
from unit_tests.given import refusal, verdict

ACCESS = verdict(refusal(403, "You do not have access to this project."))


def lacking(*scopes: str) -> Verdict:
    """Return the refusal that names these scopes."""
    words = ", ".join(scopes) or "one"
    return verdict(refusal(403, f"Your token is missing the scope: {words}."))


@pytest.mark.parametrize(
    ("asked", "scopes", "kept", "gone"),
    [
        ("gid,email,name", ["users:read"], "gid,name", ["email"]),
        ("gid,memberships.project.gid,name", ["projects:read"], "gid,name", ["memberships"]),
        (
            "custom_fields.name,email,gid",
            ["users:read", "custom_fields:read"],
            "gid",
            ["custom_fields", "email"],
        ),
        # Nothing of what the scope is known for was asked for: related objects are to blame.
        ("assignee.email,assignee.name,name", ["users:read"], "assignee.name,name", ["assignee"]),
        ("assignee.email,name", [], "name", ["assignee"]),
        ("assignee.workspaces.name,gid", ["unheard_of:read"], "gid", ["assignee"]),
        # There is nothing to leave out.
        ("assignee.name,name", ["users:read"], "assignee.name,name", []),
        ("email", ["users:read"], "email", []),
        ("", ["users:read"], "", []),
    ],
)
def test_fields_without_their_scope_go(
    asked: str, scopes: list[str], kept: str, gone: list[str]
) -> None:
    assert without_scope("tags", asked, lacking(*scopes)) == (kept, gone)


def test_a_streams_own_scope_is_no_matter_of_fields() -> None:
    fields = "email,gid,photo.image_21x21"

    assert without_scope("users", fields, lacking("users:read")) == (fields, [])


def test_another_refusal_is_no_matter_of_fields() -> None:
    assert without_scope("tags", "email,gid", ACCESS) == ("email,gid", [])


def test_the_tables_name_streams_and_scopes_that_exist() -> None:
    for streams in STREAMS.values():
        for stream in streams:
            assert load_schema(stream)["properties"]
    assert all(scope.endswith(":read") for scope in (*FIELDS, *STREAMS))
