"""The connector without its request budget: `python -m benchmarks.driver <command> ...`.

CPU and memory are the same whether a run waits for its quota or not; only the waiting goes.
"""

from source_asana.http import client
from source_asana.run import run

UNLIMITED = 10_000_000


def main() -> None:
    """Run one command of the connector."""
    vars(client).update(PAID_PER_MINUTE=UNLIMITED, SEARCHES_PER_MINUTE=UNLIMITED)
    run()


if __name__ == "__main__":
    main()
