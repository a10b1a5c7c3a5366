"""Small worlds in which every short sequence of happenings is tried."""
