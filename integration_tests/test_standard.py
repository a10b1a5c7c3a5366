"""The CDK's own tests for sources, with the scenarios of acceptance-test-config.yml."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

from source_asana import SourceAsana
from tools.sandbox_process import SandboxProcess

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]

ROOT = Path(__file__).parents[1]
# The port that the scenarios' files name.
DECLARED = "127.0.0.1:8700"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


PORT = _free_port()


@pytest.fixture(autouse=True, scope="module")
def sandbox() -> Iterator[None]:
    """Run the sandbox of a service account: it sees every stream."""
    with SandboxProcess("--port", str(PORT), "--tasks", "20", "--plan", "service"):
        yield


class TestSuite(SourceTestSuiteBase):
    connector = SourceAsana

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        """Return the scenarios: the sandbox's on a free port, the live ones with secrets only."""
        return [
            _on_free_port(scenario)
            for scenario in super().get_scenarios()
            if scenario.config_path is not None and (ROOT / scenario.config_path).exists()
        ]


def _on_free_port(scenario: ConnectorTestScenario) -> ConnectorTestScenario:
    config = scenario.get_config_dict(connector_root=ROOT, empty_if_missing=False)
    moved = json.loads(json.dumps(config).replace(DECLARED, f"127.0.0.1:{PORT}"))
    # A copy keeps the file's name, and with it the test's.
    return scenario.model_copy(update={"config_dict": moved})
