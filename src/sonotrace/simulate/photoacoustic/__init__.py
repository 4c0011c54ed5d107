"""Photoacoustic pictures of vessels."""
