"""Properties of the incremental sync: whatever happens in between, nothing is lost."""
