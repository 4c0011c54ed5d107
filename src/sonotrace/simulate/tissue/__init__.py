"""Soft tissue as functions of place, the bodies that lie in it, and their sections in a picture."""
