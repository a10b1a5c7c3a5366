"""Validate metadata.yaml with Airbyte's own model: `python -m tools.metadata`.

The model comes from airbyte-connector-models, which does not support Python 3.13 yet; there the
check says why it is left out.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

FILE = Path(__file__).resolve().parent.parent / "metadata.yaml"
PACKAGE = "airbyte_connector_models"
MODEL = f"{PACKAGE}.metadata.v0.connector_metadata_definition_v0"


def metadata() -> dict[str, Any]:
    """Return the content of metadata.yaml."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return content


def problems() -> list[str] | None:
    """Return what Airbyte's model does not accept, a line each; None where the model is not."""
    if find_spec(PACKAGE) is None:
        return None
    try:
        import_module(MODEL).ConnectorMetadataDefinitionV0.model_validate(metadata())
    except ValidationError as error:
        return [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        ]
    return []


def main() -> int:
    """Print what is wrong; return the process exit code."""
    found = problems()
    if found is None:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.stdout.write(
            f"metadata.yaml not validated: airbyte-connector-models is not for Python {version}\n"
        )
    for line in found or ():
        sys.stderr.write(f"metadata.yaml: {line}\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
