"""Airbyte source connector for Asana."""
