"""`python -m igr_suite VERB` is `igr VERB`, for a checkout in which nothing is installed."""

import sys

from igr_suite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
