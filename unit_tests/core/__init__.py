"""The deciding parts, without network, threads and clock."""
