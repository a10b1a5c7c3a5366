"""Asana over HTTP: how a request is signed, paced, sent and sent again. Knows no stream."""
