"""From results to files a person or a program can read."""
