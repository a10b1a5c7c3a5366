"""Decides who is read for whom, and which slices follow from it."""
