"""Networks that estimate how the probe moved."""
