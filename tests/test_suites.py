"""Every suite keeps to the interface of tasks: what is drawn can be done, is not so yet, and comes from its seed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pybullet as p
import pytest

from agent.errors import UserError
from agent.executor import Bounds, Started
from agent.plan import PrimitiveCall, format_plan, parse_plan
from agent.verbs import Verb
from robots.geometry import Pose
from robots.interface import CameraFrame
from robots.mobile_panda import mobile_panda
from sim.apart import apart
from sim.board.base import BoardTask
from sim.episode import TaskSpec, Theatre, draw_task, play, theatre
from sim.errands.pointing import _nearest
from sim.jobs import chosen
from sim.kitchen.fixtures import KitchenFixtures
from sim.kitchen.rooms import sample_kitchen
from sim.mobile import MobileArm
from sim.naming import SceneError
from sim.points import innermost, shows
from sim.probe import Probe, Readings
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject, Scene
from sim.stage import oracle, panda
from sim.suites import MODULES, find_suite, own_robot, suite_robot
from sim.tamp.base import TampTask
from sim.task import Drawn, TaskError
from sim.world import World

OURS = ("board", "tamp")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def house() -> Theatre:
    return theatre("auto", panda)


@pytest.mark.parametrize("name", OURS)
def test_each_task_draws_something_to_do_in_each_split(name: str, house: Theatre) -> None:
    suite = find_suite(name)
    assert len({t.name for t in suite.tasks}) == len(suite.tasks)
    for task in suite.tasks:
        for split in task.splits:
            spec = TaskSpec(suite=name, task=task.name, split=split, seed=2_000_005)
            _, drawn = draw_task(house.robot, spec)
            assert not all(task.parts(house.robot.world, drawn).values())
            assert drawn.instruction.strip()
            assert "{" not in drawn.instruction
            assert "<" not in drawn.instruction
            plan = task.teacher(house.robot, drawn).plan("", house.robot.observe(), ())
            assert parse_plan(plan.text) == plan.calls
            assert plan.calls[0].verb is not Verb.DONE
            _, again = draw_task(house.robot, spec)
            assert (again.instruction, again.meaning, again.scene) == (drawn.instruction, drawn.meaning, drawn.scene)
            apart(house.robot.world)


@pytest.mark.parametrize("name", OURS)
def test_trained_words_and_held_out_ones_are_apart(name: str) -> None:
    for task in find_suite(name).tasks:
        assert isinstance(task, BoardTask | TampTask)
        sayings = task.sayings
        assert not set(sayings.trained) & set(sayings.held_out)
        assert len(sayings.held_out) >= 2


SEEDED = (("board", "block_by"), ("tamp", "p1_grasp"))


def digest(suite: str, task: str) -> str:
    """A hash of an episode: its calls, how they went, and where everything lies in the end, bit for bit."""
    stage = theatre("auto", panda).set(TaskSpec(suite=suite, task=task, split="trained", seed=2_000_011))
    result, verdict = play(stage, oracle(stage), "go", bounds=Bounds())
    assert verdict.success
    poses = b"".join(p.xyz.tobytes() + p.quat_xyzw.tobytes() for p in stage.world.poses().values())
    return hashlib.sha256(repr(result).encode() + poses).hexdigest()


def test_the_same_seed_is_the_same_episode_in_another_process() -> None:
    program = f"from tests.test_suites import digest\nprint(*(digest(*x) for x in {SEEDED}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == [digest(*x) for x in SEEDED]


def test_what_there_is_not_is_one_line() -> None:
    with pytest.raises(UserError, match="no suite 'nope'; there is: tabletop, "):
        find_suite("nope")
    with pytest.raises(UserError, match="no task in tamp 'p3'; there is: p1_grasp, p2_stack"):
        chosen("tamp", "trained", ["p3"])
    with pytest.raises(UserError, match="nothing in board has that; there is trained, combinations, phrasings"):
        chosen("board", "counts", None)
    assert suite_robot("board", own_robot) is panda
    assert suite_robot("board", panda) is panda
    assert set(OURS) < set(MODULES)


def test_a_split_is_of_those_tasks_that_have_it() -> None:
    assert {name for _, name in chosen("board", "combinations", None)} == {
        "block_to_block", "block_to_place", "block_to_relative",
    }  # fmt: skip


class Impossible:
    """Nothing that it draws has room."""

    def __init__(self) -> None:
        self.draws = 0

    def draw(self, *_: object) -> Drawn[None]:
        self.draws += 1
        raise SceneError("no room for it")


def test_a_scene_that_can_not_be_sampled_ends(house: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    impossible = Impossible()
    task = find_suite("board").task("block_by")
    monkeypatch.setattr(task, "draw", impossible.draw)
    with pytest.raises(TaskError, match="no scene for it in 60 draws; the last one: no room for it"):
        draw_task(house.robot, TaskSpec(suite="board", task="block_by", split="trained", seed=2_000_000))
    assert impossible.draws == 60


def test_things_inside_each_other_are_named(house: Theatre) -> None:
    specs = [ObjectSpec(name=f"{c} block", kind="block", colour=c, size="large") for c in ("red", "blue")]
    house.robot.reset(
        Scene(seed=0, objects=tuple(PlacedObject(spec=s, xy_m=(0.5, 0.03 * i)) for i, s in enumerate(specs)))
    )
    with pytest.raises(SceneError, match=r"the red block and the blue block stand \d+ mm inside each other"):
        apart(house.robot.world)
    house.robot.reset(Scene(seed=0, objects=(PlacedObject(spec=specs[0], xy_m=(0.5, 0.0), z_m=-0.01),)))
    with pytest.raises(SceneError, match="red block"):
        apart(house.robot.world)


def test_the_probe_sees_what_was_not_meant(house: Theatre) -> None:
    specs = [ObjectSpec(name="red block", kind="block", colour="red", size="large")]
    house.robot.reset(Scene(seed=0, objects=(PlacedObject(spec=specs[0], xy_m=(0.5, 0.0)),)))
    probe = Probe(house.robot)
    world = house.robot.world
    world.step(4)
    probe.moved(4 / 240)
    first = probe.readings
    assert first.clean
    beside = world.arm.tool().xyz + [0.0, 0.045, -0.01]  # where one finger is
    world.set_pose("red block", Pose.from_xyz_yaw(beside, 0.0))
    world.step(1)
    probe.moved(1 / 240)
    after = probe.readings
    assert after.depth_mm > 2.0
    assert after.into == "red block"
    assert not after.clean
    quick = Probe(house.robot)
    quick.moved(0.1)
    world.set_arm(np.array(world.arm.q) + [1.0, 0, 0, 0, 0, 0, 0], 0.08)
    quick.moved(0.1)
    assert quick.readings.speed_share == pytest.approx(10.0 / world.spec.velocity_rad_s[0], rel=0.05)


def test_the_probe_looks_at_all_that_moves_and_at_all_but_the_part_that_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    robot = SimRobot(World(spec=mobile_panda()), open_renderer("auto").renderer)
    try:
        world = robot.world
        world.reset(sample_kitchen(np.random.default_rng(2), clutter=0, paired=False))
        arm, base, head = world.arm, robot.spec.base, robot.spec.head
        assert isinstance(arm, MobileArm)
        assert base is not None
        assert head is not None
        still = Probe(robot)
        for _ in range(2):
            robot.wait(1 / 60)
            still.moved(1 / 60)
        assert still.readings.clean, still.readings
        turned = Probe(robot)
        turned.moved(1 / 60)
        arm.set_head(head.home_q_rad + [2 * head.velocity_rad_s[0] / 60, 0.0])
        turned.moved(1 / 60)
        assert turned.readings.head_share == pytest.approx(2.0, rel=0.01)
        assert not turned.readings.clean
        rolled = Probe(robot)
        rolled.moved(1 / 60)
        arm.roll(np.array([0.0, 0.0, 1.5 * base.velocity[2]]), 1 / 60)
        for _ in range(60):
            world.step(4)
            rolled.moved(1 / 60)
        assert rolled.readings.base_share == pytest.approx(1.5, rel=0.05)
        assert rolled.readings.base_acceleration_share > 1.05
        assert not rolled.readings.clean
        assert not Readings(fingers_share=1.2).clean
        # The hand in the fridge's door is meant where it opens that door, and not where it opens a drawer.
        fixtures = world.fixtures
        assert isinstance(fixtures, KitchenFixtures)
        at = fixtures.moving("fridge")
        assert at is not None
        assert at != fixtures.moving("top drawer")
        contact = (0, arm.body, at[0], 5, at[1], (), (), (), -0.004, 10.0)
        monkeypatch.setattr(p, "getContactPoints", lambda **_: [contact])
        seen, depth = robot.observe(), {}
        for part in ("fridge", "top drawer"):
            probe = Probe(robot)
            probe(Started(call=PrimitiveCall(verb=Verb.OPEN, target=part, point=(1, 1)), seen=seen, time_s=0.0))
            probe.moved(1 / 240)
            depth[part] = probe.readings.depth_mm
        assert depth == {"fridge": 0.0, "top drawer": pytest.approx(4.0)}
    finally:
        robot.close()


def test_what_lies_off_the_picture_is_not_pointed_at_by_its_edge() -> None:
    mask = np.zeros((60, 80), dtype=np.bool_)
    mask[20:40, 60:] = True
    assert not shows(mask, 30.0, 90.0)
    row, col = innermost(mask)
    assert 25 <= row <= 34
    assert 68 <= col <= 72, "in the middle of what is seen, where clamping gives 79"
    frame = CameraFrame(
        rgb=np.zeros((60, 80, 3), np.uint8), depth_m=np.ones((60, 80), np.float32),
        intrinsics=np.array([[50.0, 0, 40], [0, 50.0, 30], [0, 0, 1]]), world_T_camera=Pose.identity(),
    )  # fmt: skip
    assert _nearest(mask, frame, np.array([1.0, 0.0, 1.0])) == (row, col)
    assert _nearest(mask, frame, np.array([0.7, 0.0, 1.0])) == (30, 75)
    assert _nearest(mask, frame, np.array([0.7, 0.0, -1.0])) == (row, col)


def test_calls_without_points_get_them_from_the_picture(house: Theatre) -> None:
    stage = house.set(TaskSpec(suite="board", task="block_to_block", split="trained", seed=2_000_001))
    assert stage.task is not None
    plan = oracle(stage).plan("", stage.robot.observe(), ())
    (push, end) = plan.calls
    assert end == PrimitiveCall(verb=Verb.DONE)
    assert push.point is not None
    assert push.destination_point is not None
    assert format_plan(plan.calls) == plan.text


def test_a_long_task_succeeds(house: Theatre) -> None:
    stage = house.set(TaskSpec(suite="board", task="gather_side", split="trained", seed=2_000_001))
    _, verdict = play(stage, oracle(stage), "go", bounds=Bounds())
    assert verdict.success, verdict.reason
