"""The nouns: frozen dataclasses of pixels, spacing, time and poses."""
