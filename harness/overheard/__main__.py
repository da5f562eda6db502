"""`python -m overheard`, the same as `overheard`."""

from overheard.cli import main

if __name__ == "__main__":
    main()
