"""python launch.py "put the red block in the green bowl": the command line, from a checkout."""

from agent.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
