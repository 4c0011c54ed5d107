"""Scores of masks against masks. Each score is defined where it is computed, and only there."""
