"""An Asana of our own for development: the REST API over HTTP, with a world that tests can edit.

Start with `sandbox/README.md`.
"""

from sandbox.access import Viewer
from sandbox.api import Entry
from sandbox.auth import OAuthApp
from sandbox.clock import Clock
from sandbox.sandbox import Sandbox
from sandbox.world import World

__all__ = ["Clock", "Entry", "OAuthApp", "Sandbox", "Viewer", "World"]
