"""Needles: where they go, how they echo, and what of them can be seen."""
