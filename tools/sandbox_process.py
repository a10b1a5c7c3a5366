"""The sandbox in a process of its own, asked and edited through its control endpoint."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

ROOT = Path(__file__).resolve().parent.parent
ANSWER_SECONDS = 60.0


class SandboxProcess:
    """`python -m sandbox` with the given arguments, on a free port; a context manager."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._session = requests.Session()
        # A proxy of the environment cannot reach the loopback address.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "sandbox", "--port", "0", *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().split()
        if not line:
            self.__exit__(None, None, None)
            message = "the sandbox did not start; its message is above"
            raise RuntimeError(message)
        self.url, self.token = line[0], line[2]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._session.close()
        self._process.terminate()
        self._process.communicate()

    def get(self, name: str) -> Any:
        """Return the answer to GET /_control/{name}."""
        return self._call("GET", name, None)

    def post(self, name: str, content: Any = None) -> Any:
        """Return the answer to POST /_control/{name} with JSON."""
        return self._call("POST", name, content if content is not None else {})

    def _call(self, method: str, name: str, content: Any) -> Any:
        url = self.url.removesuffix("/api/1.0") + f"/_control/{name}"
        answer = self._session.request(method, url, json=content, timeout=ANSWER_SECONDS)
        if not answer.ok:
            message = f"the sandbox refused {method} {name}: {answer.text}"
            raise RuntimeError(message)
        return answer.json()

    def truth(self, stream: str) -> list[dict[str, Any]]:
        """Return the records that a full read of a stream should give."""
        records: list[dict[str, Any]] = self.get(f"truth/{stream}")["data"]
        return records

    def edit(self, call: str, *arguments: str, **named: Any) -> str:
        """Carry out one edit of `sandbox.World`; return the gid that it gave, empty for none."""
        edit = {"call": call, "args": arguments, **named}
        return str(self.post("edit", [edit])["results"][0] or "")
