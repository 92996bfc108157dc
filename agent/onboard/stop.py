"""Stops a robot, and lets it go on again; also says what stops it.

python -m agent.onboard.stop                  # stops it: an emergency stop, which anybody may press
python -m agent.onboard.stop --release Ada    # Ada, who has the token, has looked, and lets it go on
python -m agent.onboard.stop --state
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path

from agent.errors import Exit
from agent.onboard.guard import SAFETY
from robots.ros2.node import NetworkError, Node
from robots.ros2.service import Client, ServiceError
from robots.ros2.services import AskReply, AskRequest
from robots.ros2.token import TOKEN, TokenError, read_token

FINDS_S = 10.0


def ask(node: Node, do: str, *, by: str = "", token: str = "") -> tuple[bool, str]:
    """(whether it was done, words) of `agent.onboard.guard`'s service. Raises ServiceError where nobody answers."""
    content = json.dumps({"do": do, "by": by, "token": token})
    reply: AskReply = Client(node, SAFETY, AskRequest, AskReply).call(AskRequest(content=content), limit_s=FINDS_S)
    return bool(reply.ok), str(reply.content)


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 it was done, 2 it was refused or nobody is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", metavar="NAME", help="who lets the robot go on")
    parser.add_argument("--state", action="store_true", help="say what stops the robot, and do nothing")
    parser.add_argument("--domain", type=int, default=0, help="ROS domain id")
    parser.add_argument("--network", default="local", help="local, any, or a network interface")
    parser.add_argument("--token", type=Path, default=TOKEN, help="file with the robot's token")
    given = parser.parse_args(argv)
    do = "state" if given.state else "stop" if given.release is None else "release"
    try:
        token = read_token(given.token.expanduser()) if do == "release" else ""
        with Node(domain=given.domain, network=given.network) as node:
            fine, words = ask(node, do, by=given.release or getpass.getuser(), token=token)
    except (TokenError, NetworkError, ServiceError) as e:
        fine, words = False, str(e)
    if fine:
        print(words, flush=True)
        return int(Exit.DONE)
    print(f"palmetto: {words}", file=sys.stderr)
    return int(Exit.USAGE)


if __name__ == "__main__":
    sys.exit(main())
