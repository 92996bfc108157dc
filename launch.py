"""python launch.py "put the red block in the green bowl"; python launch.py --help."""

import sys

from agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
