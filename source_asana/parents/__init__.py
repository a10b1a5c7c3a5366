"""Who is read for whom, and the slices that follow from it."""
