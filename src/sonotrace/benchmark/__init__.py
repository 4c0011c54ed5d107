"""The tables of the docs: how fast, and how much memory."""
