"""Fields that Asana adds are noticed: named once at the end of a sync, with no value."""

from __future__ import annotations

from sandbox import Sandbox
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import read


def test_new_fields_are_named_with_their_stream(asana: Sandbox, small: Small) -> None:
    tag = {"gid": small.tag, "name": "urgent", "mood": "Grace", "followers": [{"aura": "Ada"}]}
    asana.fault("status", "/tags", status=200, body={"data": [tag], "next_page": None})
    budget = {"gid": "77", "budget_type": "cost", "shape": "round"}
    asana.fault("status", "/budgets", status=200, times=None, body={"data": [budget]})
    sync = read(asana, ("tags", "budgets"))
    [line] = [line for line in sync.logs if "schemas" in line]
    assert line.startswith(
        "Asana sends 3 fields that the schemas lack: budgets (shape); tags (followers.aura, mood). "
    )
    assert not [name for name in ("Grace", "Ada", "round") if name in line]
