"""Decides which fields are asked for and which columns are sent."""
