"""Run the connector from a source tree: `python main.py spec|check|discover|read`."""

from source_asana.run import run

if __name__ == "__main__":
    run()
