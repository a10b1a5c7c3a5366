"""The probe of a real workspace, asked of the sandbox."""
