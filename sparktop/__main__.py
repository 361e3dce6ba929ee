"""`python -m sparktop`, for a checkout whose entry point is not installed."""

import sys

from sparktop.cli import main

if __name__ == "__main__":
    sys.exit(main())
