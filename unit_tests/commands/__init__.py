"""The commands beside the connector."""
