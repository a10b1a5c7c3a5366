"""The faults of the CDK that the connector works around, each as a short reproduction.

A test passes as long as the CDK has the fault. Once it fails, the workaround that its message names
can go, together with the test and its section in docs/internals/cdk.md.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import yaml
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import AirbyteLogFormatter
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteLogMessage,
    AirbyteMessage,
    AirbyteStateMessage,
    ConnectorSpecification,
    FailureType,
    Level,
    Status,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.streams.http import HttpClient
from airbyte_cdk.sources.streams.http.error_handlers import (
    ErrorResolution,
    HttpStatusErrorHandler,
    ResponseAction,
)
from airbyte_cdk.sources.streams.http.requests_native_auth import (
    Oauth2Authenticator,
    SingleUseRefreshTokenOauth2Authenticator,
)
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, read
from airbyte_cdk.test.state_builder import StateBuilder
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets, update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from requests_mock import Mocker

PAGE = Path(__file__).parents[2] / "docs" / "internals" / "cdk.md"
HOST = "https://asana.invalid"
SECRET = "a-secret-text"
NEWEST = "2026-01-01T00:00:00Z"


def still(has_fault: object, workaround: str) -> None:
    """Fail with what can go, where the CDK no longer has a fault."""
    message = f"airbyte-cdk {version('airbyte-cdk')} has mended this: {workaround} can go"
    assert has_fault, message


@pytest.fixture
def asana() -> Iterator[Mocker]:
    with Mocker() as mocker:
        yield mocker


@pytest.fixture(autouse=True)
def _no_secrets() -> Iterator[None]:
    yield
    update_secrets([])


# ── one queue for all messages ───────────────────────────────────────────────────────────────────


def log(text: str) -> AirbyteMessage:
    return AirbyteMessage(type=Type.LOG, log=AirbyteLogMessage(level=Level.INFO, message=text))


class Interrupted(InMemoryMessageRepository):
    """Lets another thread run after a worker has left its message, and before it takes it back."""

    def __init__(self) -> None:
        super().__init__()
        self.has_left, self.goes_on = threading.Event(), threading.Event()

    def emit_message(self, message: AirbyteMessage) -> None:
        super().emit_message(message)
        if threading.current_thread() is not threading.main_thread():
            self.has_left.set()
            self.goes_on.wait()


def test_the_main_thread_prints_the_message_of_a_worker_before_its_records() -> None:
    state, own, inner = log("state of a worker"), log("of the main thread"), Interrupted()
    queue: Queue[Any] = Queue(maxsize=1)
    queue.put("a record that the state names")
    repository = ConcurrentMessageRepository(queue, inner)
    worker = threading.Thread(target=repository.emit_message, args=(state,), daemon=True)
    worker.start()
    inner.has_left.wait()
    repository.emit_message(own)
    printed = list(repository.consume_queue())
    inner.goes_on.set()
    queue.get()
    worker.join(timeout=1)
    still(printed == [state, own], "`messages.py: OwnMessages`")


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


class Failing(PartitionGenerator):
    def generate(self) -> Iterable[Partition]:
        raise AirbyteTracedException(
            message=f"Asana does not answer, {SECRET}.", failure_type=FailureType.transient_error
        )


def failing_sync() -> Iterator[AirbyteMessage]:
    """Read a stream that fails with a transient error."""
    logger, messages = logging.getLogger("airbyte.cdk_faults"), InMemoryMessageRepository()
    cursor = FinalStateCursor("tasks", None, messages)
    stream = DefaultStream(Failing(), "tasks", {}, [], None, logger, cursor)
    source = ConcurrentSource.create(2, 1, logger, DebugSliceLogger(), messages)
    return source.read([stream])


def test_the_error_of_a_stream_shows_secrets() -> None:
    update_secrets([SECRET])
    printed: list[str] = []
    with pytest.raises(AirbyteTracedException):
        printed.extend(map(AirbyteEntrypoint.airbyte_message_to_string, failing_sync()))
    (trace,) = (line for line in printed if '"ERROR"' in line)
    still(SECRET in trace, "the masking in `messages.py: Visible`")


def test_the_last_error_of_a_sync_is_a_config_error() -> None:
    with pytest.raises(AirbyteTracedException) as error:
        list(failing_sync())
    is_config = error.value.failure_type is FailureType.config_error
    still(is_config, "`messages.py: unfinished`")


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_within_a_longer_one_leaves_the_rest_of_that_visible() -> None:
    update_secrets(["1201234567", f"1/1201234567:{SECRET}"])
    masked = filter_secrets(f"Bearer 1/1201234567:{SECRET}")
    still(SECRET in masked, "the order in `masking.py: mask`")


SPEC = """
properties:
  credentials:
    oneOf:
    - {required: [token], properties: {token: {type: string, airbyte_secret: true}}}
    - {required: [client_id], properties: {client_id: {type: string}}}
"""


def test_check_shows_a_secret_under_a_misspelled_key() -> None:
    class Source(ConcurrentDeclarativeSource):
        check_config_against_spec = False

        def check(self, *_: object) -> AirbyteConnectionStatus:
            return AirbyteConnectionStatus(Status.SUCCEEDED)

    spec = ConnectorSpecification(connectionSpecification=yaml.safe_load(SPEC))
    config = {"credentials": {"tokne": SECRET}}
    source = Source(None, config, None, source_config=stock())
    (answer,) = AirbyteEntrypoint(source).check(spec, config)
    is_shown = answer.connectionStatus and SECRET in (answer.connectionStatus.message or "")
    still(is_shown, "`config.py: Unusable`")


# ── requests ─────────────────────────────────────────────────────────────────────────────────────


def test_the_request_for_an_oauth_token_waits_for_ever(asana: Mocker) -> None:
    asana.post(f"{HOST}/token", json={"access_token": "x", "expires_in": 3600})
    Oauth2Authenticator(f"{HOST}/token", "id", "x", "y").get_access_token()
    still(asana.request_history[0].timeout is None, "the timeout in `http/auth.py`")


def test_each_renewal_of_an_oauth_token_prints_the_configuration(
    asana: Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    asana.post(f"{HOST}/token", json={"access_token": SECRET, "expires_in": 3600})
    credentials = {"client_id": "1", "client_secret": "x", "refresh_token": "y"}
    config = {"credentials": credentials}
    SingleUseRefreshTokenOauth2Authenticator(config, f"{HOST}/token").get_access_token()
    still(SECRET in capsys.readouterr().out, "printing in `http/auth.py: AsanaOAuth`")


def test_an_ignored_refusal_is_an_info_without_stream_and_url(
    asana: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    asana.get(f"{HOST}/projects/1/tasks", status_code=403)
    ignore = ErrorResolution(ResponseAction.IGNORE, None, "No access.")
    logger = logging.getLogger("airbyte")
    handler = HttpStatusErrorHandler(logger, {403: ignore})
    with caplog.at_level(logging.INFO, "airbyte"):
        HttpClient("tasks", logger, handler).send_request("GET", f"{HOST}/projects/1/tasks", {})
    lines = [AirbyteLogFormatter().format(record) for record in caplog.records]
    assert len(lines) == 1
    is_silent = '"INFO"' in lines[0] and not re.search("tasks|projects", lines[0])
    still(is_silent, "the warning of `report.py: Report.skip`")


# ── manifests ────────────────────────────────────────────────────────────────────────────────────

STOCK = """
version: 7.39.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [tasks]}
spec: {type: Spec, connection_specification: {}}
definitions:
  projects:
    type: DeclarativeStream
    name: projects
    schema_loader: {type: InlineSchemaLoader, schema: {}}
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url: "https://asana.invalid/projects", use_cache: false}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
      paginator:
        type: DefaultPaginator
        page_token_option: {type: RequestPath}
        pagination_strategy: {type: CursorPagination, cursor_value: "{{ response.next or '' }}"}
streams:
- type: DeclarativeStream
  name: tasks
  schema_loader: {type: InlineSchemaLoader, schema: {}}
  incremental_sync:
    type: DatetimeBasedCursor
    cursor_field: modified_at
    datetime_format: "%Y-%m-%dT%H:%M:%SZ"
    start_datetime: "2020-01-01T00:00:00Z"
    start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}
  retriever:
    type: SimpleRetriever
    requester:
      type: HttpRequester
      url: "https://asana.invalid/projects/{{ stream_partition.project }}/tasks"
    record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
    partition_router:
      type: SubstreamPartitionRouter
      parent_stream_configs:
      - type: ParentStreamConfig
        parent_key: gid
        partition_field: project
        stream: {$ref: "#/definitions/projects"}
"""


def stock() -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load(STOCK)
    return manifest


def sync(state: list[AirbyteStateMessage] | None = None) -> EntrypointOutput:
    """Read tasks of each project with components of the CDK only."""
    catalog = CatalogBuilder().with_stream("tasks", SyncMode.incremental).build()
    source = ConcurrentDeclarativeSource(catalog, {}, state, source_config=stock())
    return read(source, {}, catalog, state)


def test_a_new_partition_starts_where_the_others_are(asana: Mocker) -> None:
    asana.get(f"{HOST}/projects", json={"data": [{"gid": "old"}, {"gid": "new"}]})
    asana.get(re.compile("/tasks"), json={"data": [{"modified_at": NEWEST}]})
    known = {"partition": {"project": "old", "parent_slice": {}}, "cursor": {"modified_at": NEWEST}}
    state = {"states": [known], "state": {"modified_at": NEWEST}}
    sync(StateBuilder().with_stream_state("tasks", state).build())
    (request,) = (one for one in asana.request_history if "/new/" in one.url)
    still(
        request.qs["since"] == [NEWEST.lower()], "this reason for `cursors/cursor.py: AsanaCursor`"
    )


def test_a_failed_list_of_parents_moves_the_start_of_those_it_did_not_show(asana: Mocker) -> None:
    page = {"data": [{"gid": "1"}, {"gid": "2"}, {"gid": "3"}], "next": f"{HOST}/projects/next"}
    asana.get(f"{HOST}/projects", json=page)
    asana.get(f"{HOST}/projects/next", status_code=403)
    asana.get(re.compile("/tasks"), json={"data": [{"modified_at": NEWEST}]})
    (*_, last) = sync().state_messages
    assert last.state
    assert last.state.stream
    start = vars(last.state.stream.stream_state).get("state")
    still(start == {"modified_at": NEWEST}, "this reason for `cursors/cursor.py: AsanaCursor`")


def test_a_body_that_was_cut_off_is_an_empty_page(asana: Mocker) -> None:
    asana.get(f"{HOST}/projects", json={"data": [{"gid": "1"}]})
    whole = {"json": {"data": [{"modified_at": NEWEST}]}}
    asana.get(re.compile("/tasks"), [{"text": '{"data": [{"modif'}, whole])
    output = sync()
    still(
        not output.errors and not output.records,
        "the predicate on `data` in `tools/builder/transport.py`",
    )


# ── the page ─────────────────────────────────────────────────────────────────────────────────────


def test_each_fault_has_a_section_and_a_test() -> None:
    _, *sections = PAGE.read_text("utf-8").split("\n## ")
    named = [re.findall(r"`(test_\w+)`", section) for section in sections]
    tests = [name for name in globals() if name.startswith("test_")]
    assert [*named, [test_each_fault_has_a_section_and_a_test.__name__]] == [[one] for one in tests]
