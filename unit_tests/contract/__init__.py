"""Tests against the reference material and between parts of the repository."""
