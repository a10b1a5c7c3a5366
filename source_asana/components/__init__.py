"""What the manifest cannot express, one file a role."""
