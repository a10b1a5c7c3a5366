"""Measurements of speed, memory and requests, each as a figure next to its target."""
