"""Generators of committed files; development only."""
