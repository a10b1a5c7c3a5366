"""The manifest for the Connector Builder, run by the CDK's own command against the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox, World
from sandbox.server_time import to_stamp
from source_asana import SourceAsana
from source_asana.fields.opt_fields import opt_fields
from source_asana_commands.shell import configured
from tools import builder

COMMAND = Path(sys.executable).with_name("source-declarative-manifest")
# Asked for without opt_fields: Asana's own choice of columns.
UNASKED = {"ai_studio_runs", "ai_studio_seats", "audit_log_events", "budgets", "rates"}
# Served afresh with each answer.
VOLATILE = {"download_url"}
TASK_STREAMS = ("tasks", "subtasks", "stories", "attachments")
MOST_LINES = 9_000
# CPython before 3.11.8 and 3.12.2 fails like this when threads parse at once (gh-106905).
OF_PYTHON = "AST constructor recursion depth mismatch"

Record = dict[str, Any]
pytestmark = pytest.mark.timeout(600)


@dataclass
class Output:
    """What one command printed."""

    records: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    states: dict[str, Record] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    errors: str = ""
    catalog: Record = field(default_factory=dict)
    connection: Record = field(default_factory=dict)

    def take(self, message: Record) -> None:
        kind = message["type"]
        if kind == "RECORD":
            self.records[message["record"]["stream"]].append(message["record"]["data"])
        elif kind == "STATE":
            name = message["state"]["stream"]["stream_descriptor"]["name"]
            self.states[name] = message["state"]
        elif kind == "TRACE":
            self._take_trace(message["trace"])
        elif kind == "CATALOG":
            self.catalog = message["catalog"]
        elif kind == "CONNECTION_STATUS":
            self.connection = message["connectionStatus"]

    def _take_trace(self, trace: Record) -> None:
        if trace["type"] == "ERROR":
            self.errors += f"{trace['error']['message']} {trace['error'].get('internal_message')}\n"
        elif trace["type"] == "STREAM_STATUS":
            status = trace["stream_status"]
            self.statuses[status["stream_descriptor"]["name"]] = status["status"]

    def gids(self, name: str) -> set[str]:
        return {record["gid"] for record in self.records[name]}

    @property
    def count(self) -> int:
        return sum(map(len, self.records.values()))

    @property
    def failed(self) -> set[str]:
        return {name for name, status in self.statuses.items() if status == "INCOMPLETE"}


def run(
    folder: Path, command: str, config: Mapping[str, Any], manifest: Path, **more: Any
) -> Output:
    """Run a command of the CDK's low-code connector."""
    arguments = [str(COMMAND), command, "--manifest-path", str(manifest)]
    for name, content in {"config": config, **more}.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content), "utf-8")
        arguments += [f"--{name}", str(path)]
    env = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(arguments, capture_output=True, check=False, text=True, env=env)
    output = Output()
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            output.take(json.loads(line))
    assert output.errors or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return output


@dataclass
class Stock:
    """The manifest on one sandbox."""

    asana: Sandbox
    folder: Path

    def config(self, **settings: Any) -> Record:
        exports = self.asana.truth("organization_exports") if self.asana.service else []
        return {
            "credentials": {
                "option_title": "PAT Credentials",
                "personal_access_token": self.asana.token,
            },
            "portfolio_owner": "all" if self.asana.service else "me",
            "organization_export_ids": [one["gid"] for one in exports],
            "api_url": self.asana.url,
            **settings,
        }

    def read(
        self,
        names: Collection[str] = TASK_STREAMS,
        state: Mapping[str, Record] | None = None,
        **settings: Any,
    ) -> Output:
        """Sync, incrementally where that is offered; forget earlier requests."""
        config = self.config(**settings)
        catalog = catalog_of(names)
        more = {"state": list(state.values())} if state else {}
        manifest = trimmed(self.folder, names)
        for _ in range(4):
            self.asana.reset_log()
            done = run(self.folder, "read", config, manifest, catalog=catalog, **more)
            if OF_PYTHON not in done.errors:
                break
        return done

    def full(self, names: Collection[str] = TASK_STREAMS, **settings: Any) -> Output:
        """Sync for the first time; all of it must be there."""
        done = self.read(names, **settings)
        assert not done.errors
        assert self.missing(done, names=names) == {}
        return done

    def missing(
        self, *outputs: Output, names: Collection[str] = TASK_STREAMS
    ) -> dict[str, set[str]]:
        """Return what no output has of what the token sees now: stream -> gids."""
        lost = {}
        for name in names:
            seen = {one["gid"] for one in self.asana.truth(name, fields="gid")}
            lost[name] = seen - set().union(*(output.gids(name) for output in outputs))
        return {name: gids for name, gids in lost.items() if gids}

    @property
    def requests(self) -> Counter[str]:
        return Counter(entry.path_template for entry in self.asana.log)


def trimmed(folder: Path, names: Collection[str]) -> Path:
    """Write the manifest with just these streams: all of them take seconds to build."""
    manifest = yaml.load(builder.FILE.read_text("utf-8"), yaml.CSafeLoader)
    manifest["streams"] = [one for one in manifest["streams"] if one["name"] in names]
    path = folder / "manifest.yaml"
    path.write_text(json.dumps(manifest), "utf-8")
    return path


def catalog_of(names: Collection[str]) -> Record:
    """Return a configured catalog, without asking for one: a start takes seconds."""
    manifest = builder.manifest()
    streams = [stream.get("incremental_stream", stream) for stream in manifest["streams"]]
    catalog = [
        {
            "name": stream["name"],
            "json_schema": {},
            "supported_sync_modes": ["full_refresh", "incremental"]
            if "incremental_sync" in stream
            else ["full_refresh"],
            "source_defined_primary_key": [[key] for key in stream["primary_key"]],
        }
        for stream in streams
        if stream["name"] in names
    ]
    return configured({"streams": catalog})


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Callable[..., Stock]]:
    """Return what starts a sandbox of these options; it ends with the test."""
    started: list[Sandbox] = []

    def start(world: World, plan: str = "advanced", **options: Any) -> Stock:
        started.append(Sandbox(world, plan=plan, **options).start())
        return Stock(started[-1], tmp_path)

    yield start
    for asana in started:
        asana.stop()


# ── the file ────────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_current_and_short() -> None:
    assert builder.main(["--check"]) == 0, "run `make builder`"
    assert len(builder.FILE.read_text("utf-8").splitlines()) <= MOST_LINES


def test_it_has_stock_parts_only() -> None:
    assert "class_name" not in builder.FILE.read_text("utf-8")
    manifest = builder.manifest()
    described = files("airbyte_cdk.sources.declarative") / "declarative_component_schema.yaml"
    schema = yaml.safe_load(described.read_text("utf-8"))
    known = {name for name in schema["definitions"] if not name.startswith("Custom")}
    parts = ("check", "definitions", "streams", "api_budget", "concurrency_level", "stream_groups")
    used = {node["type"] for part in parts for node in _nodes(manifest[part])}
    types_of_columns = {"object", "string", "integer", "number", "boolean", "array"}
    assert used - types_of_columns <= known


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str):
            yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def test_it_has_every_stream_but_those_it_says() -> None:
    ours = {stream["name"] for stream in SourceAsana().resolved_manifest["streams"]}
    assert set(builder.manifest()["schemas"]) == ours - builder.LEFT_OUT


def test_no_schema_has_columns_that_the_connector_makes() -> None:
    for name, schema in builder.manifest()["schemas"].items():
        assert not {"synced_at", "_ab_cdc_deleted_at"} & set(schema["properties"]), name


def test_each_cursor_is_a_column_of_its_stream() -> None:
    manifest = builder.manifest()
    shared = manifest["definitions"]["cursors"]
    found = 0
    for stream in manifest["streams"]:
        cursor = stream.get("incremental_stream", stream).get("incremental_sync")
        if cursor:
            path = cursor.get("$ref", "").rpartition("/")[2]
            column = (shared[path] if path else cursor)["cursor_field"]
            assert column in manifest["schemas"][stream["name"]]["properties"], stream["name"]
            found += 1
    assert found


def test_attachments_of_projects_and_briefs_are_asked_for_at_first_too() -> None:
    manifest = builder.manifest()
    (stream,) = (one for one in manifest["streams"] if one["name"] == "attachments")
    first = json.dumps(stream["full_refresh_stream"])
    assert "parents/holders" in first
    assert "project_brief/gid" in first


def test_a_configuration_of_ours_moves_over() -> None:
    ours = SourceAsana().resolved_manifest["spec"]["connection_specification"]["properties"]
    theirs = builder.manifest()["spec"]["connection_specification"]["properties"]
    assert set(theirs) - set(ours) == {"portfolio_owner"}
    for name in set(theirs) & set(ours) - {"credentials"}:
        assert theirs[name]["type"] == ours[name]["type"], name


# ── signing in ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_it_signs_in_with_oauth(tmp_path: Path, stock: Callable[..., Stock]) -> None:
    asana = stock(World.empty()).asana
    app = asana.add_oauth_app()
    text = builder.FILE.read_text("utf-8")
    assert f"{builder.HOST}/-/oauth_token" in text
    # The address of the token is fixed: here it leads to the sandbox.
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(text.replace(f"{builder.HOST}/-/", f"{asana.origin}/-/"), "utf-8")
    credentials = {
        "option_title": "OAuth Credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": app.refresh_token,
    }
    config = {"credentials": credentials, "api_url": asana.url}
    assert run(tmp_path, "check", config, manifest).connection["status"] == "SUCCEEDED"


@pytest.mark.slow
def test_a_bad_token_fails_the_check(tmp_path: Path, stock: Callable[..., Stock]) -> None:
    config = stock(World.empty()).config()
    credentials = {**config["credentials"], "personal_access_token": "no-such-token"}
    config["credentials"] = credentials
    assert run(tmp_path, "check", config, builder.FILE).connection["status"] == "FAILED"


# ── values of other types ──────────────────────────────────────────────────────────────────────


AS_TEXT: Record = {
    "requests_per_minute": "1500",
    "num_workers": " 4 ",
    "time_entries_lookback_days": "0",
    "include_archived_projects": "false",
    "include_tasks_without_project": "true",
    "start_date": None,
    "change_detection": None,
    "team_ids": None,
}


@pytest.mark.slow
def test_a_check_takes_numbers_and_flags_as_texts_and_nulls(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=20))
    workspace = here.asana.truth("workspaces")[0]["gid"]
    config = here.config(**AS_TEXT, workspace_ids=[int(workspace)])
    done = run(here.folder, "check", config, builder.FILE).connection
    assert done["status"] == "SUCCEEDED", done
    config["num_workers"] = "41"
    refused = run(here.folder, "check", config, builder.FILE).connection
    assert refused["status"] == "FAILED"
    assert "41 is greater than the maximum of 40" in refused["message"]


@pytest.mark.slow
def test_a_read_takes_flags_and_ids_for_what_they_say(stock: Callable[..., Stock]) -> None:
    world = World.generate(tasks=20)
    old = world.add_project("Old", archived=True)
    here = stock(world)
    gids = sorted(one["gid"] for one in here.asana.truth("projects", fields="gid"))
    names = ("projects", "tasks")
    assert old in here.read(names, include_archived_projects="true").gids("projects")
    plain = here.read(names, **{**AS_TEXT, "include_archived_projects": False})
    as_text = here.read(names, **AS_TEXT)
    assert not as_text.errors
    assert old not in as_text.gids("projects")
    assert as_text.gids("tasks") == plain.gids("tasks")
    chosen = here.read(names, project_ids=[int(gids[0]), f" {gids[1]} "])
    assert chosen.gids("projects") == set(gids[:2])


# ── full reads ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_it_reads_what_the_workspace_holds(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=100), "service")
    catalog = run(here.folder, "discover", here.config(), builder.FILE).catalog
    keys = {
        stream["name"]: [path[0] for path in stream["source_defined_primary_key"]]
        for stream in catalog["streams"]
    }
    assert set(keys) == set(builder.manifest()["schemas"])
    done = here.read(set(keys))
    assert not done.errors
    assert here.asana.unknown_params == []
    assert here.asana.unknown_fields == []
    assert set(done.records) == set(keys), "the world lacks a stream's records"
    for name, key in keys.items():
        fields = None if name in UNASKED else ",".join(opt_fields(name, None))
        truth = _by_key(here.asana.truth(name, fields=fields), key)
        assert _by_key(done.records[name], key) == truth, name


def _by_key(records: Sequence[Record], key: Sequence[str]) -> dict[tuple[str, ...], Record]:
    """Leave out what has no value: the CDK drops it, and what is volatile."""
    return {
        tuple(record[name] for name in key): {
            k: v for k, v in record.items() if v is not None and k not in VOLATILE
        }
        for record in records
    }


@pytest.mark.slow
def test_each_task_is_asked_once_and_for_attachments_only_where_there_are_some(
    stock: Callable[..., Stock],
) -> None:
    here = stock(World.generate(tasks=200))
    done = here.full()
    tasks = here.asana.truth("tasks", fields="gid") + here.asana.truth("subtasks", fields="gid")
    assert here.requests["/tasks/{task_gid}/stories"] == len({one["gid"] for one in tasks})
    holders = {one["parent_id"] for one in done.records["attachments"]}
    projects = here.asana.truth("projects", fields="gid")
    # And projects, their briefs, and tasks that changed within a day.
    assert here.requests["/attachments"] < len(holders) + 2 * len(projects) + 20
    # Every walk finds the answers of the first: slim ones, and those with all columns.
    above = {one["task_id"] for one in done.records["subtasks"]}
    assert here.requests["/tasks/{task_gid}/subtasks"] == 2 * len(above)


@pytest.mark.slow
def test_a_search_steps_over_tasks_of_one_instant(stock: Callable[..., Stock]) -> None:
    world = World.empty()
    project = world.add_project("P")
    for number in range(130):
        stamp = f"2026-01-01T00:00:{number // 3:02}.000Z"
        world.add_attachment(world.add_task(projects=[project], created_at=stamp), "a.png")
    here = stock(world)
    assert len(here.full(["attachments"]).records["attachments"]) == 130


@pytest.mark.slow
def test_a_search_that_cannot_step_fails(stock: Callable[..., Stock]) -> None:
    world = World.empty()
    project = world.add_project("P")
    for _ in range(120):
        task = world.add_task(projects=[project], created_at="2026-01-01T00:00:00.000Z")
        world.add_attachment(task, "a.png")
    here = stock(world)
    assert here.read(["attachments"]).failed == {"attachments"}
    here.full(["attachments"], change_detection="listing")


@pytest.mark.slow
def test_a_free_plan_has_no_search(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=40), "free")
    refused = here.read(["attachments"])
    assert refused.failed == {"attachments"}
    assert "requests_per_minute" in refused.errors
    here.full(requests_per_minute=150)
    assert here.requests["/workspaces/{workspace_gid}/tasks/search"] == 0


@pytest.mark.slow
def test_settings_choose_what_is_read(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=150))
    projects = [one["gid"] for one in here.asana.truth("projects", fields="gid")]
    chosen, dropped = projects[:3], projects[1]
    names = ["projects", "sections", "tasks", "project_custom_field_settings"]
    done = here.read(names, project_ids=[int(gid) for gid in chosen], exclude_project_ids=[dropped])
    kept = set(chosen) - {dropped}
    assert done.gids("projects") == kept
    assert {one["project_id"] for one in done.records["sections"]} == kept
    assert {one["project_id"] for one in done.records["project_custom_field_settings"]} <= kept
    truth = here.asana.truth("tasks", fields="projects.gid")
    wanted = {one["gid"] for one in truth if kept & {p["gid"] for p in one["projects"]}}
    assert done.gids("tasks") == wanted


# ── what changed ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_second_sync_reads_what_changed(stock: Callable[..., Stock]) -> None:
    world = World.generate(tasks=500)
    here = stock(world)
    first = here.full()
    full = here.requests.total()
    changed = set(world.change(5))
    seen = {one["gid"] for name in TASK_STREAMS[:2] for one in here.asana.truth(name, fields="gid")}
    second = here.read(state=first.states)
    assert changed & seen <= second.gids("tasks") | second.gids("subtasks")
    assert second.count <= 0.3 * first.count
    assert here.requests.total() <= 0.6 * full
    third = here.read(state=second.states)
    assert third.count <= 0.1 * first.count
    assert here.requests.total() <= 0.6 * full


@pytest.mark.slow
def test_new_children_of_every_level_are_found(stock: Callable[..., Stock]) -> None:
    world = World.generate(tasks=100)
    here = stock(world)
    first = here.full()
    [task, *_] = here.asana.truth("tasks", fields="gid")
    chain = [task["gid"]]
    for level in range(4):
        chain.append(world.add_task(f"Level {level}", parent=chain[-1]))
    story = world.comment(chain[-1])
    attachment = world.add_attachment(chain[-1], "new.png")
    second = here.read(state=first.states)
    assert set(chain[1:]) <= second.gids("subtasks")
    assert story in second.gids("stories")
    assert attachment in second.gids("attachments")
    assert here.missing(first, second) == {}


@pytest.mark.slow
def test_an_edited_status_update_is_found(stock: Callable[..., Stock]) -> None:
    world = World.generate(tasks=100)
    here = stock(world)
    first = here.full(["project_status_updates"])
    gid = min(first.gids("project_status_updates"))
    world.edit(gid, title="Edited")
    second = here.read(["project_status_updates"], first.states)
    assert gid in second.gids("project_status_updates")
    assert second.count < first.count


@pytest.mark.slow
def test_a_log_is_read_on_from_its_newest_record(stock: Callable[..., Stock]) -> None:
    """The second sync steps back an hour in the runs, and five minutes in the audit log."""
    world = World.empty()
    now = world.clock.now()
    for ago in (90_000, 7_300, 3_000, 60):
        world.add("ai_studio_run", run_started_at=to_stamp(now - ago), _recorded_at=to_stamp(now))
        world.add_audit_event("user_login_succeeded", created_at=to_stamp(now - ago))
    old = world.of_kind("ai_studio_run")
    for run in old[:2]:
        run["_recorded_at"] = run["run_started_at"]
    here = stock(world, "service")
    names = ["ai_studio_runs", "audit_log_events"]
    first = here.full(names)
    assert [len(first.records[name]) for name in names] == [4, 4]
    new = world.add("ai_studio_run", run_started_at=world.now(), _recorded_at=world.now())
    second = here.read(names, first.states)
    assert not second.errors
    assert second.gids("ai_studio_runs") == {new, *(run["gid"] for run in old[2:])}
    assert len(second.records["audit_log_events"]) == 1


@pytest.mark.slow
def test_a_project_that_is_shared_later_is_read_whole(stock: Callable[..., Stock]) -> None:
    world = World.generate(tasks=300)
    here = stock(world)
    sizes = Counter(gid for task in world.of_kind("task") for gid in task["_projects"])
    [(project, size)] = sizes.most_common(1)
    world.withdraw_project(project)
    first = here.full()
    world.share_project(project)
    lost = here.missing(first)
    assert len(lost["tasks"]) > size / 2
    assert lost["stories"]
    assert here.missing(first, here.read(state=first.states)) == {}


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_cut_answers_lose_nothing(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=60))
    here.asana.fault("cut_json", times=None, share=0.2)
    here.full(("projects", "sections", *TASK_STREAMS))


@pytest.mark.slow
def test_answers_that_stay_cut_fail_the_stream(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=20))
    here.asana.fault("cut_json", r"/projects\?", times=None)
    assert here.read(["sections"]).failed == {"sections"}


@pytest.mark.slow
def test_a_listing_that_fails_is_made_up_for(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=200, projects=130))
    fault = here.asana.fault("status", r"/projects\?.*offset=", times=None, status=400)
    first = here.read(["tasks", "sections"])
    assert fault.hits
    assert first.failed == {"tasks", "sections"}
    here.asana.clear_faults()
    assert here.missing(first, names=["tasks"])
    second = here.read(["tasks"], first.states)
    assert here.missing(first, second, names=["tasks"]) == {}


@pytest.mark.slow
def test_a_task_that_fails_is_asked_again(stock: Callable[..., Stock]) -> None:
    world = World.generate(tasks=60)
    here = stock(world)
    [story, *_] = here.asana.truth("stories", fields="gid")
    here.asana.fault("status", f"/tasks/{story['task_id']}/stories", times=None, status=400)
    first = here.read(["stories"])
    assert first.failed == {"stories"}
    assert set(here.missing(first, names=["stories"])) == {"stories"}
    here.asana.clear_faults()
    second = here.read(["stories"], first.states)
    assert here.missing(first, second, names=["stories"]) == {}


@pytest.mark.parametrize("status", [402, 403, 404])
@pytest.mark.slow
def test_a_refusal_skips_what_it_is_about(stock: Callable[..., Stock], status: int) -> None:
    here = stock(World.generate(tasks=60))
    [project, *_] = [one["gid"] for one in here.asana.truth("projects", fields="gid")]
    here.asana.fault("status", f"/projects/{project}/sections", times=None, status=status)
    done = here.read(["sections", "users"])
    assert not done.errors
    others = {one["gid"] for one in here.asana.truth("projects", fields="gid")} - {project}
    assert {one["project_id"] for one in done.records["sections"]} == others
    assert here.missing(done, names=["users"]) == {}


@pytest.mark.slow
def test_no_workspaces_fail_the_sync(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=20))
    here.asana.fault("status", r"/workspaces(\?|$)", times=None, status=403)
    assert here.read(["users", "workspaces"]).failed == {"users", "workspaces"}


@pytest.mark.slow
def test_an_expired_page_starts_its_listing_again(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=300, projects=1))
    fault = here.asana.fault("offset_expired", "/tasks")
    here.full(["tasks"])
    assert fault.hits == 1


@pytest.mark.slow
def test_the_quota_of_a_free_plan_is_kept(stock: Callable[..., Stock]) -> None:
    here = stock(World.generate(tasks=60), "service", requests_per_minute=150, concurrent=50)
    done = here.full(requests_per_minute=150)
    assert done.count
    assert here.requests.total() > 150, "too few to meet the quota"
    assert sum(entry.status == 429 for entry in here.asana.log) <= 5
