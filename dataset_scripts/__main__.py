"""`python -m dataset_scripts`: `crossmost-prepare` without its installation."""

import sys

from .prepare import main


if __name__ == "__main__":
    sys.exit(main())
