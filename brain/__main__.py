"""`python -m brain`, the same as the `brain` command."""

from brain.cli import main

main()
