"""Where the process begins: what needs no connector is answered before it is loaded."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

NOT_BEGUN = (
    b'{"type":"LOG","log":{"level":"INFO","message":"The command was told to stop before it began."'
    b"}}\n"
)


def main() -> None:
    """Run the command line, see `run.run`.

    `spec` is answered from the manifest: Airbyte asks for it before everything else, and loading
    the CDK takes ten times as long. A test holds that the CDK would answer the same.
    """
    for sign in (signal.SIGTERM, signal.SIGINT):
        # A shell has what it puts into the background ignore SIGINT.
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, _end)
    # Modules stay, so looking for garbage among them takes time for nothing.
    gc.disable()
    if sys.argv[1:] == ["spec"]:
        _say_spec()
    else:
        from source_asana.run import run  # noqa: PLC0415  # takes seconds

        gc.enable()
        run()


def _say_spec() -> None:
    import orjson  # noqa: PLC0415  # a signal may come while they are loaded
    import yaml  # noqa: PLC0415

    text = Path(__file__).with_name("manifest.yaml").read_bytes()
    # In C where PyYAML has it, a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec = yaml.load(text, loader)["spec"]  # noqa: S506  # both are safe
    message = {
        "type": "SPEC",
        "spec": {
            "connectionSpecification": spec["connection_specification"],
            "documentationUrl": spec["documentation_url"],
            "advanced_auth": spec["advanced_auth"],
        },
    }
    try:
        sys.stdout.write(orjson.dumps(message).decode() + "\n")
        sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"The output cannot be written: {error.strerror}.\n")
        os._exit(1)


def _end(sign: int, _: object) -> None:
    """End the process with the shell's exit code; nothing has been read or printed yet."""
    os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, NOT_BEGUN)
    os._exit(128 + sign)
