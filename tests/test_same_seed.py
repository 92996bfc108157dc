"""In every suite, with every robot: the same seed gives the same, and what is restored goes on bit for bit."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agent.executor import Bounds
from robots.interface import Command
from robots.mobile_panda import mobile_panda
from robots.stretch import stretch
from sim.episode import TaskSpec, play, theatre
from sim.robot import SimRobot
from sim.stage import SimStage, oracle, panda
from sim.suites import MODULES

ROBOTS = {"panda": panda, "mobile_panda": mobile_panda, "stretch": stretch}
SUITES = [
    ("tabletop", "put", "panda"), ("tamp", "p2_stack", "panda"), ("board", "block_to_place", "panda"),
    ("kitchen", "go_to", "mobile_panda"), ("kitchen", "open", "stretch"),
]  # fmt: skip
SEED = 3_000_021


def staged(suite: str, task: str, robot: str) -> SimStage:
    spec = TaskSpec(suite=suite, task=task, split="trained", seed=SEED)
    return theatre("auto", ROBOTS[robot]).set(spec)


def everything(robot: SimRobot) -> bytes:
    """Where all is, what the robot believes and feels, and what it sees, bit for bit."""
    state = robot.state()
    parts = [p.xyz.tobytes() + p.quat_xyzw.tobytes() for p in robot.world.poses().values()]
    parts += [state.arm_q.tobytes(), state.world_T_base.matrix.tobytes(), np.float64(robot.world.time_s).tobytes()]
    for extra in (state.head_q, state.base_twist, state.wrist_force_n):
        parts.append(b"" if extra is None else extra.tobytes())
    if state.odom_T_base is not None:
        parts.append(state.odom_T_base.matrix.tobytes())
    for frame in robot.observe().frames.values():
        parts += [frame.rgb.tobytes(), frame.depth_m.tobytes()]
    return b"".join(parts)


def stir(robot: SimRobot) -> None:
    """Half a second in which arm, fingers, base and head all move."""
    spec = robot.spec
    goal = spec.home_q_rad + 0.1 * (spec.posture - spec.home_q_rad + 0.3)
    for i in range(int(0.5 * spec.control_hz)):
        share = min(1.0, 3 * i / spec.control_hz)
        q = spec.home_q_rad + share * (np.clip(goal, spec.q_lower_rad, spec.q_upper_rad) - spec.home_q_rad)
        twist = None if spec.base is None else np.array([-0.1, 0.0, 0.2])
        head = None if spec.head is None else spec.head.home_q_rad + 0.1 * share
        robot.send(Command(arm_q=q, gripper_width_m=0.02, base_twist=twist, head_q=head))
        robot.wait(spec.period_s)


@pytest.mark.parametrize(("suite", "task", "name"), SUITES)
def test_what_is_restored_goes_on_bit_for_bit(suite: str, task: str, name: str) -> None:
    """With a thing that still tumbles; after a pickle, after another scene, and seen as it was."""
    robot = staged(suite, task, name).sim_robot
    world = robot.world
    loose = next((n for n in world.names if world.body(n).graspable), world.names[0])
    pose = world.pose(loose)
    world.set_pose(loose, type(pose)(xyz=pose.xyz + [0.0, 0.0, 0.05], quat_xyzw=pose.quat_xyzw))
    stir(robot)
    saved, scene = world.save(), world.scene
    ends = []
    for again in range(2):
        if again:
            world.reset(scene)
        world.restore(pickle.loads(pickle.dumps(saved)))
        robot.stop()
        before = everything(robot)
        stir(robot)
        ends.append((before, everything(robot)))
    assert ends[0] == ends[1]
    assert ends[0][0] != ends[0][1]


def digest(suite: str, task: str, robot: str) -> str:
    """A hash of the scene, the words, the oracle's first call and what came of it."""
    stage = staged(suite, task, robot)
    assert stage.drawn is not None
    result, _ = play(stage, oracle(stage), stage.drawn.instruction, bounds=Bounds(max_calls=1))
    assert len(result.results) == 1
    return hashlib.sha256(repr(result).encode() + everything(stage.sim_robot)).hexdigest()


def test_the_same_seed_is_the_same_in_another_process() -> None:
    """In the other order, too: nothing is left over from what was played before."""
    program = f"from tests.test_same_seed import digest\nfor x in {SUITES[::-1]}: print('hash', digest(*x))"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True
    ) as other:
        mine = [digest(*x) for x in SUITES]
        out, _ = other.communicate(timeout=240)
    assert other.returncode == 0
    theirs = [line.split()[1] for line in out.splitlines() if line.startswith("hash")]
    assert theirs[::-1] == mine
    assert len(set(mine)) == len(SUITES)


def test_no_suite_is_left_out() -> None:
    assert {suite for suite, _, _ in SUITES} == {*MODULES, "tabletop"}
