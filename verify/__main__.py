"""``python -m verify`` is the command ``escape-ntk``."""

import sys

from escape_ntk import main

if __name__ == "__main__":
    sys.exit(main())
