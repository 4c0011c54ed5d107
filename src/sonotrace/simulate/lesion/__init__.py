"""Lesions of the breast and what looks like them."""
