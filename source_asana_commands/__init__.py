"""The commands of whoever operates a connection, beside those of Airbyte's protocol.

They use the connector as its own streams do, by `SourceAsana.prepare`; the connector
does not know them.
"""
