"""Run the connector from a source tree: `python main.py spec|check|discover|read`."""

from source_asana_commands.entry import main

if __name__ == "__main__":
    main()
