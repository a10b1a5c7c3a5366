"""Tests of single components, one file for each."""
