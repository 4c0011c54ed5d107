"""Blocks and memories that two families or more use unchanged."""
