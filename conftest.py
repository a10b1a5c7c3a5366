"""Runs the sandbox for `airbyte-cdk connector test`: the scenarios without secrets read it."""

import socket
from contextlib import ExitStack, suppress

import pytest

from tools.sandbox_process import SandboxProcess

# The test file that the CDK's command writes, and the port that the scenarios' files name.
WRITTEN = "test_airbyte_standards.py"
PORT = 8700


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start it, unless something listens on its port already; it ends with the session."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    if is_worker or not any(argument.endswith(WRITTEN) for argument in config.args) or _is_taken():
        return
    running = ExitStack()
    # Without the development packages there is none; the scenarios with secrets run all the same.
    with suppress(RuntimeError):
        running.enter_context(
            SandboxProcess("--port", str(PORT), "--tasks", "20", "--plan", "service")
        )
        config.add_cleanup(running.close)


def _is_taken() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0
