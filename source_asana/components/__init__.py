"""The classes that the manifest names and what they are made of, one file for each role."""
