"""Whole syncs through the entrypoint against the sandbox, by behaviour."""
