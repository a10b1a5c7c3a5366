"""`python -m source_asana.live` is `source-asana-live`."""

from source_asana.live.run import run

run()
