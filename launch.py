"""python launch.py "put the red block in the green bowl"; python launch.py --help."""

import sys

if __name__ == "__main__":
    try:
        from agent.cli import main
    except KeyboardInterrupt:
        print("palmetto: interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(main())
