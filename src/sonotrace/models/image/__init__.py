"""Networks for single pictures."""
