"""Runs the command."""

import sys

from tools.builder.command import main

if __name__ == "__main__":
    sys.exit(main())
