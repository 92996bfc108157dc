"""What is refused: bundles with one byte changed, a bundle for another robot, and hostile messages of every type.

    python benchmarks/hostile.py [flips=500] [messages=20] [seed=0]

Bytes: in a copy of the shipped bundle, each file in turn, one byte is changed at random; opening it must say so
in one line. Messages: beside a robot's side (kernel, port and all) and a twin in another process, over DDS, a stranger
in the same domain writes to each topic what no driver and no person would: numbers that are none, other times,
lists of other lengths, pictures of other bytes, sentences without the token. The robot must stand as it stood, go on
serving, and say what it refused in one line.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate

from agent import CHECKPOINTS, cli
from agent.config import Arguments, options
from agent.errors import PalmettoError
from agent.executor import Bounds
from agent.onboard.asked import JUDGE, PLAN, RESET, Asked
from agent.onboard.bundle import Bundle, BundleError
from agent.onboard.deploy import OnBoard
from agent.onboard.guard import SAFETY
from agent.onboard.manifest import fits
from agent.onboard.rooms import ROOMS, Rooms, read_rooms
from robots.ros2 import convert, names
from robots.ros2 import messages as m
from robots.ros2 import services as s
from robots.ros2.action import NAME, ErrandServer
from robots.ros2.clock import STEP
from robots.ros2.config import Ros2Config
from robots.ros2.node import Node, Publisher, profile, wait_for
from robots.ros2.robot import RobotSilent, Ros2Robot
from robots.ros2.service import Client
from robots.safety import SafetyStop

DOMAIN = 78
SETTLES_S = 0.1


def flips(count: int, rng: np.random.Generator) -> None:
    """Changed bytes, and a bundle for another robot."""
    told: dict[str, list[int]] = {}
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(CHECKPOINTS / "nano", Path(scratch) / "nano"))
        files = sorted(p for p in folder.iterdir())
        for number in range(count):
            path = files[number % len(files)]
            whole = path.read_bytes()
            at = int(rng.integers(len(whole)))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ int(rng.integers(1, 256))]) + whole[at + 1 :])
            row = told.setdefault(path.name, [0, 0])
            row[0] += 1
            try:
                Bundle(folder)
                missed.append((path.name, at))
            except BundleError as e:
                row[1] += "\n" not in str(e)
            path.write_bytes(whole)
        manifest = Bundle(folder).manifest
        try:
            fits(manifest, "stretch")
            missed.append(("another robot", 0))
        except BundleError as e:
            print(f"another robot: {e}")
    print("\nfile                     flips  refused in one line")
    for name, (tried, refused) in told.items():
        print(f"{name:24} {tried:<6} {refused}")
    print(f"all                      {count:<6} {sum(r for _, r in told.values())}; missed: {missed}", flush=True)


class Stranger:
    """Writes to anybody's topics."""

    def __init__(self, config: Ros2Config, rng: np.random.Generator, clock: Callable[[], float]) -> None:
        self._node, self._rng, self.config, self.clock = Node(domain=config.domain), rng, config, clock
        self._out: dict[str, Any] = {}

    def write(self, topic: str, message: Any) -> None:
        if topic not in self._out:
            name = topic if topic.startswith("rq/") else names.topic(topic)
            quality = profile("latched" if topic == ROOMS else "reliable")
            self._out[topic] = Publisher(self._node, name, type(message), quality)
            time.sleep(0.5)
        self._out[topic].send(message)

    def number(self) -> float:
        return float(self._rng.choice([np.nan, np.inf, -np.inf, 1e308, -1e300]))

    def header(self) -> m.Header:
        ahead = float(self._rng.choice([1e6, 5.0, 0.0, 0.0, 0.0]))
        return m.Header(
            stamp=convert.stamp(self.clock() + ahead), frame_id=str(self._rng.choice(["", "map", "x" * 999]))
        )

    def messages(self) -> dict[str, Callable[[], tuple[str, Any]]]:
        """By type: a topic and something hostile."""
        c, spec, rng, n = self.config, self.config.spec(), self._rng, self.number
        joints = [*spec.joint_names, *(spec.head.joint_names if spec.head else ()), *c.gripper_joints]
        head = c.cameras["head"]
        broken = bytes(rng.integers(0, 256, 4000, dtype=np.uint8))

        def many(most: int) -> list[float]:
            return [n() for _ in range(int(rng.integers(most)))]

        def pose() -> m.Pose:
            return m.Pose(position=m.Point(x=n()), orientation=m.Quaternion(x=n(), w=n()))

        def transforms() -> m.TFMessage:
            moved = m.Transform(translation=m.Vector3(x=n()), rotation=m.Quaternion(w=n()))
            one = m.TransformStamped(
                header=replace(self.header(), frame_id="map"), child_frame_id="odom", transform=moved
            )
            return m.TFMessage(transforms=[one] * int(rng.integers(1, 50)))

        def picture(encoding: str) -> m.Image:
            return m.Image(header=self.header(), height=int(rng.integers(2**31)), width=int(rng.integers(2**31)),
                           encoding=str(rng.choice([encoding, "no such", ""])), step=int(rng.integers(2**31)),
                           data=broken)  # fmt: skip

        def info() -> m.CameraInfo:
            return m.CameraInfo(header=self.header(), height=2**31, width=0, k=[n() for _ in range(9)])

        def trajectory() -> m.JointTrajectory:
            point = m.JointTrajectoryPoint(positions=many(12), time_from_start=m.Duration(sec=int(rng.integers(-9, 9))))
            return m.JointTrajectory(header=self.header(), joint_names=joints[: int(rng.integers(9))],
                                     points=[point] * int(rng.integers(3000)))  # fmt: skip

        prefix = f"{NAME}/_action"
        bad = [
            "{",
            "[]",
            "null",
            '{"do": "release", "by": "x", "token": "y"}',
            "x" * 100_000,
            '{"do": 7}',
            '{"map": 1}',
        ]

        def junk() -> str:
            return str(rng.choice(bad))

        return {
            "JointState": lambda: (c.joint_states, m.JointState(header=self.header(), name=joints, position=many(20))),
            "Odometry": lambda: (c.odometry, m.Odometry(
                header=self.header(), pose=m.PoseWithCovariance(pose=pose()),
                twist=m.TwistWithCovariance(twist=m.Twist(linear=m.Vector3(x=n()))))),
            "TFMessage": lambda: ("/tf", transforms()),
            "WrenchStamped": lambda: (c.wrench, m.WrenchStamped(
                header=self.header(), wrench=m.Wrench(force=m.Vector3(z=n())))),
            "Image (colour)": lambda: (head.color, picture("rgb8")),
            "Image (depth)": lambda: (head.depth, picture("32FC1")),
            "CameraInfo": lambda: (head.info, info()),
            "JointTrajectory": lambda: (c.arm, trajectory()),
            "GripperCommand": lambda: (c.gripper, m.GripperCommand(position=n(), max_effort=n())),
            "Twist": lambda: (c.cmd_vel, m.Twist(linear=m.Vector3(x=n()), angular=m.Vector3(z=n()))),
            "String (rooms)": lambda: (ROOMS, m.String(data=junk())),
            "Ask (safety)": lambda: (names.request(SAFETY), s.AskRequest(content=junk())),
            "Ask (twin)": lambda: (names.request(str(rng.choice([RESET, PLAN, JUDGE]))), s.AskRequest(content=junk())),
            "Step": lambda: (names.request(STEP), s.StepRequest(client=7, number=1, until_ns=-(2**63), sent=2**62)),
            "SendGoal": lambda: (names.request(f"{prefix}/send_goal"), s.SendGoalRequest(
                instruction="x" * int(rng.integers(10**5)), token=str(rng.choice(["", "guess", "\u2603" * 99])))),
            "CancelGoal": lambda: (names.request(f"{prefix}/cancel_goal"), s.CancelGoalRequest()),
            "GetResult": lambda: (names.request(f"{prefix}/get_result"), s.GetResultRequest()),
        }  # fmt: skip


def _map(side: OnBoard) -> str:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write('{"map": 1}')
        file.flush()
        return _said(lambda: read_rooms(Path(file.name)))


ASKED: dict[str, Callable[[OnBoard], str]] = {
    "String (rooms)": _map,
    "Ask (safety)": lambda side: str(
        side.guard._asked(s.AskRequest(content='{"do": "release", "token": "y"}')).content
    ),
    "Ask (twin)": lambda side: _said(lambda: Asked(side.node, RESET)({"suite": "none"}, limit_s=10.0)),
}
"""What those say who answer whoever asked, and nobody else."""


def messages(count: int, rng: np.random.Generator) -> None:
    """Each type so many times; what became of the robot."""
    composed = options(Arguments(command="twin", raw={}, overrides=(f"robot.domain={DOMAIN}",)))
    config = replace(instantiate(composed.robot, _convert_="all"), clock="twin")
    out = Path(tempfile.mkdtemp())
    words = ["twin", "pace=lockstep", f"robot.domain={DOMAIN}", "seed=3", "scene.clutter=0", f"out={out}"]
    command = [sys.executable, "launch.py", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as twin:
        try:
            with Node(domain=DOMAIN) as node:
                robot = Ros2Robot(config, node)
                wait_for(lambda: Client(node, STEP, s.StepRequest, s.StepReply).there, 120.0)
                robot.connect(limit_s=30.0)
                side = OnBoard(node, robot, Rooms(), Bounds())
                side._port = port = ErrandServer(node, "a secret of this benchmark")
                side.guard.token = "a secret of this benchmark"
                stranger = Stranger(config, rng, lambda: robot.time_s)
                print("\ntype             sent   robot stands  goes on  what it said last")
                for kind, make in stranger.messages().items():
                    before, refused = robot.state(), ""
                    robot.senses.refused = port.refused = ""
                    trouble = ""
                    for _ in range(count):
                        stranger.write(*make())
                        try:
                            side.robot.wait(SETTLES_S)
                        except (SafetyStop, RobotSilent) as e:
                            trouble = str(e)
                            side.guard.begin()
                        refused = robot.senses.refused or port.refused or refused
                    after = robot.state()
                    off = float(np.abs(after.arm_q - before.arm_q).max())
                    off = max(off, float(np.linalg.norm(after.world_T_base.xyz - before.world_T_base.xyz)))
                    stands = bool(off < 2e-3 and twin.poll() is None)
                    seen = side.robot.observe()
                    on = bool(np.isfinite(seen.state.arm_q).all() and seen.main.rgb.std() > 1)
                    said = refused or trouble
                    if kind in ASKED:
                        said = ASKED[kind](side)
                    assert "\n" not in said
                    print(f"{kind:16} {count:<6} {stands!s:13} {on!s:8} {said[:110]}", flush=True)
        finally:
            twin.terminate()
    told = json.loads((out / "result.json").read_text())
    print(f"the twin's drivers refused last: {told.get('refused')}")


def _said(what: Callable[[], object]) -> str:
    try:
        what()
    except PalmettoError as e:
        return str(e)
    return ""


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    rng = np.random.default_rng(int(given.get("seed", "0")))
    if (count := int(given.get("flips", "500"))) > 0:
        flips(count, rng)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(shutil.copytree(CHECKPOINTS / "nano", Path(scratch) / "nano"))
            card = folder / "MODEL_CARD.md"
            card.write_bytes(b"#" + card.read_bytes())
            print(f"exit code of verify: {cli.main(['verify', f'bundle={folder}', f'out={scratch}/out'])}", flush=True)
    if (count := int(given.get("messages", "20"))) > 0:
        messages(count, rng)


if __name__ == "__main__":
    main()
