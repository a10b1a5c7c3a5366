"""The sandbox in another process, and an Asana account where one is given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.sandbox_process import SandboxProcess

SECRET = Path(__file__).parents[1] / "secrets" / "config.json"


@pytest.fixture
def asana() -> Iterator[SandboxProcess]:
    """Return a sandbox of a paid workspace, its quota off."""
    with SandboxProcess("--tasks", "60", "--plan", "paid") as asana:
        yield asana


@pytest.fixture
def config(asana: SandboxProcess) -> Mapping[str, Any]:
    """Return a configuration that reads the sandbox."""
    return {"credentials": {"personal_access_token": asana.token}, "api_url": asana.url}


@pytest.fixture(scope="session")
def live_config() -> Mapping[str, Any]:
    """Return the configuration of a real account, if ASANA_LIVE is set; else skip the test."""
    if "ASANA_LIVE" not in os.environ:
        pytest.skip("no account: ASANA_LIVE is not set")
    token = os.environ.get("ASANA_TOKEN")
    if token:
        return {"credentials": {"personal_access_token": token}}
    if not SECRET.exists():
        pytest.skip("no account: neither ASANA_TOKEN nor secrets/config.json is there")
    config: Mapping[str, Any] = json.loads(SECRET.read_text("utf-8"))
    return config
