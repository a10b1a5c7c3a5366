"""Asks a real workspace where Asana differs from what the connector believes: docs/live.md.

A question is a function that looks at a `sample.Sample` of the workspace and sends GETs through an
`asker.Asker`. It is here only if its answer would change the connector or its documentation.
"""
