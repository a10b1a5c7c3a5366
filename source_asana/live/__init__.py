"""Asks a real workspace where Asana differs from what this connector believes: docs/live.md.

Each question is a function of the modules here: `history`, `listings`, `search`, `fields`,
`steadiness`, `access` and `answers`. They are asked in the order of `questions.py`, all through one
`asker.Asker`, which sends GETs only, and about one `sample.Sample` of the workspace.
"""
