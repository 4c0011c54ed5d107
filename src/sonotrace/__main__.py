"""`python -m sonotrace`, for where the `sonotrace` script is not on the path."""

from sonotrace.cli import main

main()
