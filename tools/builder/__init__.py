"""Derive a manifest of stock components alone: `python -m tools.builder [--check]`.

It can be pasted into Airbyte's Connector Builder, where no Python runs. It is made from
`source_asana/manifest.yaml`, the schemas and the fields to ask for, and written to `docs/builder/`.
With `--check` nothing is written, and the exit code is 1 when it is not current. How it reads, and
what it leaves out, is told in `docs/airbyte-cloud.md`.
"""

from tools.builder.command import FILE, generated, main
from tools.builder.transport import HOST
from tools.builder.whole import LEFT_OUT, manifest

__all__ = ["FILE", "HOST", "LEFT_OUT", "generated", "main", "manifest"]
