"""Learned primitives without their training: what they see, feel and say, and who performs a verb."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agent.errors import UserError
from agent.grounding import project
from agent.perform import SCRIPTED, perform
from agent.plan import PrimitiveCall, parse_call
from agent.policy.backends import Choice, Planned
from agent.policy.chunks import MIRROR, STEPS, WIDTH, decode, encode
from agent.policy.demos import Demo, read_demos, write_demos
from agent.policy.drive import Ending, drive
from agent.policy.features import SIZE, VERBS, Felt, features, mirror_order, mirror_signs
from agent.policy.learned import Learned
from agent.policy.runtime import Inputs, PolicyManifest, PolicyStep
from agent.policy.stroke import Stroke
from agent.policy.view import CELLS, LOW_M, UNIT_M, view
from agent.verbs import Verb
from robots.fake import FakeBox, FakeRobot
from robots.geometry import Pose
from robots.interface import Observation, RobotState, Status
from robots.planning.motion import pointing_down
from robots.primitives import Body
from robots.relations import Relation

BOX = FakeBox(name="red block", xy_m=(0.5, 0.0), rgb=(0.8, 0.1, 0.1))
TOP = np.array([0.5, 0.0, BOX.top_m])


def pick_of(body: Body) -> tuple[PrimitiveCall, Observation]:
    """The call that points at the block's top, and the picture that it points in."""
    seen = body.robot.observe()
    (row, col), _ = project(seen.main, TOP)
    return PrimitiveCall(verb=Verb.PICK, target="red block", point=(round(row), round(col))), seen


def felt(xyz: list[float], yaw_rad: float, width_m: float = 0.04) -> Felt:
    tool = pointing_down(np.array(xyz), yaw_rad)
    state = RobotState(
        world_T_base=Pose.identity(), arm_q=np.zeros(7), gripper_width_m=width_m, world_T_tool=tool, holding=False
    )
    return Felt(state=state, width_sent_m=0.03, lowest_m=0.02)


def mirrored(xyz: list[float]) -> list[float]:
    return [xyz[0], -xyz[1], xyz[2]]


def test_a_chunk_reads_as_it_was_written() -> None:
    rng = np.random.default_rng(0)
    now, world_T_f = pointing_down(np.array([0.5, 0.1, 0.2]), 0.4), Pose.from_xyz_yaw([0.45, 0.2, 0.03], 0.7)
    poses = [pointing_down(now.xyz + rng.normal(0, 0.05, 3), 0.4 + float(rng.normal(0, 0.8))) for _ in range(STEPS)]
    widths = rng.uniform(0, 0.08, STEPS)
    back, widths_back = decode(encode(world_T_f, now, poses, widths), world_T_f, now)
    for one, other in zip(poses, back, strict=True):
        assert np.abs(one.matrix - other.matrix).max() < 1e-6  # float32 of numbers about 1
    assert np.abs(widths - widths_back).max() < 1e-8


def test_left_and_right_change_places_in_the_mirror() -> None:
    """What a policy feels and what it is to do, of a stroke and of its mirror image."""
    goal, xyz, next_xyz = [0.6, -0.1, 0.03], [0.42, 0.15, 0.12], [0.44, 0.11, 0.10]
    one = Stroke(
        verb=Verb.PLACE, words="red bowl", origin_m=np.array([0.5, 0.2, 0.03]), goal_m=np.array(goal),
        relation=Relation.LEFT_OF,
    )  # fmt: skip
    other = Stroke(
        verb=Verb.PLACE, words="red bowl", origin_m=np.array([0.5, -0.2, 0.03]), goal_m=np.array(mirrored(goal)),
        relation=Relation.RIGHT_OF,
    )  # fmt: skip
    left, right = felt(xyz, 0.3), felt(mirrored(xyz), -0.3)
    a, b = features(one, left, widest_m=0.08), features(other, right, widest_m=0.08)
    assert np.abs(a[mirror_order()] * mirror_signs() - b).max() < 1e-6
    assert np.abs(a - b).max() > 0.1
    chunks = [
        encode(stroke.frame(Pose.identity()), f.state.world_T_tool, [pointing_down(np.array(p), yaw)], np.array([0.02]))
        for stroke, f, p, yaw in ((one, left, next_xyz, 0.7), (other, right, mirrored(next_xyz), -0.7))
    ]
    assert np.abs(chunks[0] * MIRROR - chunks[1]).max() < 1e-5


def test_a_view_shows_the_thing_in_its_middle_wherever_it_stands() -> None:
    shown = []
    for xy in ((0.5, 0.0), (0.45, 0.2)):
        robot = FakeRobot(
            boxes=[FakeBox(name="b", xy_m=xy, rgb=(0.8, 0.1, 0.1), yaw_rad=float(np.arctan2(xy[1], xy[0])))]
        )
        stroke = Stroke(verb=Verb.PICK, words="b", origin_m=np.array([*xy, BOX.top_m]))
        seen = robot.observe()
        shown.append(view(seen.main, stroke.frame(seen.state.world_T_base)))
    for one in shown:
        middle = one[:, CELLS // 2, CELLS // 2]
        assert middle[0] > 2 * middle[1]  # red
        assert abs(LOW_M + UNIT_M * middle[3]) <= UNIT_M  # as high as the point
        assert one[4].mean() > 0.85 * 255
    high = [(one[3].astype(int) * UNIT_M + LOW_M) > -0.5 * BOX.size_m[2] for one in shown]
    assert abs(high[0].sum() - high[1].sum()) < 0.25 * high[0].sum()
    assert (high[0] ^ high[1]).mean() < 0.03


def test_demonstrations_come_back_and_a_damaged_shard_is_one_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def demo(length: int, verb: Verb) -> Demo:
        return Demo(
            verb=verb, kind="none", start=rng.integers(0, 255, (5, CELLS, CELLS), np.uint8),
            views=rng.integers(0, 255, (length, 5, CELLS, CELLS), np.uint8),
            features=rng.normal(size=(length, SIZE)).astype(np.float32),
            chunks=rng.normal(size=(length, STEPS, WIDTH)).astype(np.float32), done=np.arange(length) > 2,
            stuck=np.zeros(length, np.bool_), taught=verb is Verb.PICK,
        )  # fmt: skip

    demos = [demo(4, Verb.PICK), demo(6, Verb.PUSH)]
    write_demos(tmp_path / "a.npz", demos)
    read = read_demos([tmp_path])
    assert len(read) == 2
    assert list(read.first) == [0, 4]
    assert [VERBS[v] for v in read.verb] == [Verb.PICK, Verb.PUSH]
    assert list(read.taught) == [True, False]
    assert np.array_equal(read.views[4:], demos[1].views)
    assert np.array_equal(read.chunks[:4], demos[0].chunks)
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"a\.npz is no shard") as caught:
        read_demos([tmp_path])
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no demonstrations"):
        read_demos([tmp_path / "none"])


class Puppet:
    """A session that brings the tool to a point of the stroke's frame, and says what it is told to say."""

    def __init__(self, goal_m: list[float], *, stuck: float = 0.0, done_after: int = 10**6) -> None:
        self.goal, self.stuck, self.left = np.array(goal_m), stuck, done_after
        self.manifest = PolicyManifest(
            name="puppet", kind="flow", serves=["pick"], robots=["panda"], inputs={}, training={}, sha256={}
        )

    def noise(self, rng: np.random.Generator) -> np.ndarray:
        return np.zeros((STEPS, WIDTH), np.float32)

    def step(self, inputs: Inputs, *, noise: np.ndarray) -> PolicyStep:
        self.left -= 1
        tool = inputs.state[:3] * 0.10
        way = np.zeros((STEPS, WIDTH), np.float32)
        way[:, :3] = np.clip(self.goal - tool, -0.15, 0.15) / 0.08 * np.linspace(0.1, 1.0, STEPS)[:, None]
        way[:, 6] = 0.06 / 0.04
        return PolicyStep(chunk=way, done=float(self.left < 0), stuck=self.stuck)


def test_a_policy_drives_until_it_says_that_it_is_done() -> None:
    robot = FakeRobot(boxes=[BOX])
    body = Body(robot=robot)
    stroke = Stroke(verb=Verb.PICK, words="red block", origin_m=TOP)
    ending = drive(body, stroke, Puppet([0, 0, 0.1], done_after=14), camera="front", rng=np.random.default_rng(0))
    assert ending is Ending.DONE
    tool = robot.state().world_T_tool
    assert np.linalg.norm(tool.xyz - (TOP + [0, 0, 0.1])) < 0.01
    assert tool.rotation[2, 2] < -0.98  # still pointing down, as far as a puppet that corrects no turn can


def test_one_that_never_ends_is_ended_and_what_is_out_of_reach_is_said() -> None:
    body = Body(robot=FakeRobot(boxes=[BOX]))
    stroke = Stroke(verb=Verb.PICK, words="red block", origin_m=TOP)
    session = Puppet([0, 0, 0.1])
    assert drive(body, stroke, session, camera="front", rng=np.random.default_rng(0)) is Ending.OUT_OF_TIME
    far = Stroke(verb=Verb.PICK, words="red block", origin_m=np.array([1.6, 0.0, 0.0]))
    assert drive(body, far, session, camera="front", rng=np.random.default_rng(0)) is Ending.OUT_OF_REACH


def test_where_it_is_stuck_the_script_takes_over() -> None:
    body = Body(robot=FakeRobot(boxes=[BOX]))
    told = []
    stuck = Learned(session=Puppet([0, 0, 0.1], stuck=1.0), told=lambda stroke, ending: told.append(ending))  # type: ignore[arg-type]
    call, seen = pick_of(body)
    outcome = perform(call, body, seen, backends={Verb.PICK: stuck})
    assert told == [Ending.STUCK]
    assert outcome.status is Status.SUCCEEDED
    assert "scripted: the policy was stuck" in outcome.detail
    assert body.grasp is not None
    assert body.grasp.words == "red block"


def test_what_a_policy_was_not_trained_for_is_scripted() -> None:
    learned = Learned(session=Puppet([0, 0, 0.1]))  # type: ignore[arg-type]
    body = Body(robot=FakeRobot(boxes=[BOX]))
    assert learned.serves(parse_call("pick(red block @ 103 112)"), body)
    assert not learned.serves(parse_call("push(red block @ 103 112 to left)"), body)
    assert not learned.serves(parse_call("place(aside)"), body)


def test_a_backend_for_each_verb() -> None:
    assert Choice().backends() == SCRIPTED
    backends = Choice(push="planned").backends()
    assert list(backends) == [Verb.PUSH]
    assert isinstance(backends[Verb.PUSH], Planned)
    with pytest.raises(UserError, match=r"no policy\.pick 'guessed'; there is: scripted, planned, learned"):
        Choice(pick="guessed")
    with pytest.raises(UserError, match=r"policy\.checkpoint=nowhere: no policy 'nowhere'"):
        Choice(pick="learned", checkpoint="nowhere").backends()


def test_a_planned_pick_takes_the_block_and_leaves_the_body_as_it_was() -> None:
    body = Body(robot=FakeRobot(boxes=[BOX]))
    own = body.planner
    call, seen = pick_of(body)
    outcome = perform(call, body, seen, backends=Choice(pick="planned").backends())
    assert outcome.status is Status.SUCCEEDED
    assert body.planner is own


def test_it_runs_without_torch() -> None:
    program = (
        "import sys; import agent.policy.learned, agent.policy.backends, agent.policy.verify; "
        "print([m for m in ('torch', 'pybullet', 'hydra', 'omegaconf', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
