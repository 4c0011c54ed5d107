"""The spine seen from the back: its bones, the tissue around them, and their masks."""
