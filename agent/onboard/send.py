"""Sends one sentence to a robot and shows what becomes of it; Ctrl-C cancels the errand.

python -m agent.onboard.send "put the cup in the sink" --domain 0
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from agent.approval import at_the_terminal
from agent.errors import Exit
from agent.onboard.guard import MAY_I
from agent.onboard.stop import ask
from robots.ros2.action import ErrandClient, GoalState
from robots.ros2.node import NetworkError, Node
from robots.ros2.service import ServiceError
from robots.ros2.token import TOKEN, TokenError, read_token

FINDS_S = 10.0


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 it was done, 1 it failed or was cancelled, 2 it was refused or nobody is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentence")
    parser.add_argument("--domain", type=int, default=0, help="ROS domain id")
    parser.add_argument("--network", default="local", help="local, any, or a network interface")
    parser.add_argument("--token", type=Path, default=TOKEN, help="file with the robot's token")
    given = parser.parse_args(argv)
    try:
        token = read_token(given.token.expanduser())
        with Node(domain=given.domain, network=given.network) as node:
            return _send(node, token, given.sentence)
    except (TokenError, NetworkError, ServiceError) as e:
        print(f"palmetto: {e}", file=sys.stderr)
        return int(Exit.USAGE)


def _send(node: Node, token: str, sentence: str) -> int:
    client = ErrandClient(node, token)
    key = client.send(sentence, limit_s=FINDS_S)
    if key is None:
        print("palmetto: refused: another errand is being done, or this is not the robot's token", file=sys.stderr)
        return int(Exit.USAGE)
    over = None
    while over is None:
        try:
            time.sleep(0.05)
            for event, text in client.feedback(key):
                print(f"{event:8} {text}", flush=True)
                if event == MAY_I:
                    ask(node, "yes" if at_the_terminal(text) else "no", token=token)
            over = client.result()
        except KeyboardInterrupt:
            print("cancelling", flush=True)
            client.cancel(key, limit_s=FINDS_S)
    state, stop, detail = over
    print(f"{stop}  {detail}", flush=True)
    return int(Exit.DONE if state is GoalState.SUCCEEDED else Exit.FAILED)


if __name__ == "__main__":
    sys.exit(main())
