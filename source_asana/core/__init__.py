"""The deciding parts: no CDK, no HTTP, no threads, no clock.

Pages, endings and answers go in; what is sent, due, missing and kept in the state comes out. The
callers hold the locks.
"""
