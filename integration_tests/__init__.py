"""The connector as a process of its own, against the sandbox over HTTP and against Asana."""
