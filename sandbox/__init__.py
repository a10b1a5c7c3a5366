"""A fake Asana for development: its REST API over HTTP, with a world that tests can edit.

Start with `sandbox/README.md`. A module imports from its own line below and from the lines above
it, never from a line further down, and no imports form a circle (`test_layers.py` holds this):

    words server_time refusals optfields spec instability delivery
    store builders happenings edits silent_edits deletion trash removals sharing extras
    generate_draft generate_core generate_content generate_rest generate world
    access filler values rendering plans
    paging sync_tokens quota tokens hooks faults calls filters rights
    endpoints_listed endpoints_special endpoints_search endpoints_events
    api truth canonical
    exports_file exports
    controls remote server sandbox
"""

from sandbox.access import Viewer
from sandbox.api import Entry
from sandbox.sandbox import Sandbox
from sandbox.server_time import Clock
from sandbox.tokens import OAuthApp
from sandbox.world import World

__all__ = ["Clock", "Entry", "OAuthApp", "Sandbox", "Viewer", "World"]
