"""The bridge to Lightning: how networks that remember are trained."""
