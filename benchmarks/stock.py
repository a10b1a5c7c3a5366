"""A connector of the CDK's stock parts that reads task listings.

`python -m benchmarks.stock <command> ...`, in a configuration of its own (`stock.yaml`).
"""

import sys
from pathlib import Path

from airbyte_cdk.entrypoint import AirbyteEntrypoint, launch
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource


def main() -> None:
    """Run one command, as the CDK's own connectors do."""
    args = sys.argv[1:]
    source = YamlDeclarativeSource(
        path_to_yaml=str(Path(__file__).with_name("stock.yaml")),
        catalog=YamlDeclarativeSource.read_catalog(path)
        if (path := AirbyteEntrypoint.extract_catalog(args))
        else None,
        config=YamlDeclarativeSource.read_config(path)
        if (path := AirbyteEntrypoint.extract_config(args))
        else None,
    )
    launch(source, args)


if __name__ == "__main__":
    main()
