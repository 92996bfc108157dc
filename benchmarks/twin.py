"""Kitchen errands over DDS against a digital twin: a good network, and one with latency, jitter and loss; equal seeds.

    python benchmarks/twin.py --episodes 10 --tasks open close put_in_sink bring

The robot's side is this process; the twin is another one, on loopback. The clock is in lockstep: the twin's stands
still while this side thinks, so that a slow or busy computer changes nothing, and nothing waits for the wall.
Latency, jitter and loss are drawn by the twin's seeded generator, on its clock, for every message in either
direction: joint states, odometry, tf, wrenches, pictures; trajectories, velocities, gripper commands. The oracle's
plans are asked of the twin. Before the robot stands what `deploy` puts there, the safety kernel with the map.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate

from agent.config import Arguments, options
from agent.executor import Bounds, Finished
from agent.onboard.asked import JUDGE, RESET, Asked, AskedPlanner
from agent.onboard.deploy import OnBoard
from agent.onboard.rooms import hear_rooms
from agent.plan import format_call
from agent.told import to_json
from robots.ros2.config import Ros2Config
from robots.ros2.node import Node
from robots.ros2.robot import RobotSilent, Ros2Robot

FIRST_SEED = 2_000_000
NETWORKS = {"good": {}, "bad": {"latency_s": 0.1, "jitter_s": 0.02, "loss": 0.02}}


def errand(node: Node, config: Ros2Config, task: str, seed: int, verbose: bool) -> dict[str, Any]:
    """One errand: set the scene, do it over DDS, have it judged."""
    start = time.perf_counter()
    asked = Asked(node, RESET)({"suite": "kitchen", "task": task, "split": "trained", "seed": seed})
    robot = Ros2Robot(config, node)
    line: dict[str, Any] = {"task": task, "seed": seed}

    def tell(event: object) -> None:
        if verbose and isinstance(event, Finished):
            r = event.result
            print(f"    {format_call(r.call)} {r.status.value} {r.detail} ({r.end_s - r.start_s:.1f} s)", flush=True)

    try:
        robot.connect(limit_s=10.0)
    except RobotSilent as e:
        return {**line, "success": False, "reason": str(e), "wall_s": time.perf_counter() - start}
    side = OnBoard(node, robot, hear_rooms(node, limit_s=10.0), Bounds())
    ended = side.errand(asked["instruction"], AskedPlanner(node), [tell])
    line["vetoes"] = [f"{v.reason.name} {v.detail}" for v in side.guard.safe.vetoes]
    if (result := ended.result) is None:
        return {**line, "success": False, "reason": ended.why, "wall_s": time.perf_counter() - start}
    told = {"stop": result.stop.value, "declined": result.declined, "history": to_json(result.results)}
    verdict = Asked(node, JUDGE)(told)
    return {**line, **verdict, "robot_s": result.end_s - result.start_s, "wall_s": time.perf_counter() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10, help="a network")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first errand")
    parser.add_argument("--tasks", nargs="+", default=["open", "close", "put_in_sink", "bring", "take_out"])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--robot", default="mobile_panda_ros2")
    parser.add_argument("--domain", type=int, default=77)
    parser.add_argument("--out", type=Path, help="a line of JSON an errand")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    overrides = (f"robot={given.robot}", f"robot.domain={given.domain}")
    composed = options(Arguments(command="twin", raw={}, overrides=overrides))
    config = replace(instantiate(composed.robot, _convert_="all"), clock="twin")
    print("network  errands  succeeded  robot s  wall s")
    for number, network in enumerate(given.networks):
        config = replace(config, domain=given.domain + number)
        overrides = (f"robot={given.robot}", f"robot.domain={config.domain}")
        link = [f"link.{key}={value}" for key, value in NETWORKS[network].items()]
        command = [sys.executable, "launch.py", "twin", "pace=lockstep", *overrides, *link, f"out={tempfile.mkdtemp()}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as twin, Node(domain=config.domain) as node:
            try:
                lines = []
                for i in range(given.episodes):
                    lines.append(
                        errand(node, config, given.tasks[i % len(given.tasks)], given.first + i, given.verbose)
                    )
                    if given.verbose:
                        print(lines[-1], flush=True)
                    if given.out is not None:
                        with open(given.out, "a") as f:
                            f.write(json.dumps({"network": network, **lines[-1]}) + "\n")
            finally:
                twin.terminate()  # leaves the domain; who is killed seems to be there for seconds
        done = sum(bool(line["success"]) for line in lines)
        robot_s, wall_s = (np.mean([line.get(k, np.nan) for line in lines]) for k in ("robot_s", "wall_s"))
        print(f"{network:8} {len(lines):7d}  {done:9d}  {robot_s:7.0f}  {wall_s:6.0f}", flush=True)


if __name__ == "__main__":
    main()
