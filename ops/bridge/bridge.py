"""Starts the reference bridge: `python bridge.py --store DIR --port N --secret-file FILE`."""

import sys

from shopbridge.cli import main

if __name__ == "__main__":
    sys.exit(main())
