"""Signs, paces and sends requests to Asana, again where it must. It knows no stream."""
