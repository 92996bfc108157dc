"""Demonstrations of strokes: the scripted primitives, disturbed, as policies learn from them.

A demonstration begins where the script would begin, or after a disturbance: the hand was carried off to anywhere
near (as in DART, Laskey et al. 2017), or the script was interrupted on its way and its hand nudged, or a learner has
driven for a while (DAgger, Ross et al. 2011). From there the script does the stroke, and that is recorded. The script
sees the scene without the arm before it; the policy's pictures are those of the robot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agent.perform import locate
from agent.plan import PrimitiveCall
from agent.policy.chunks import STEP_S, STEPS, WIDTH, encode
from agent.policy.demos import Demo
from agent.policy.drive import Decision, Ending
from agent.policy.features import Felt, features
from agent.policy.stroke import RAISED_M, Stroke
from agent.policy.view import view
from agent.verbs import Verb
from robots.geometry import Pose
from robots.interface import Command, Observation, Robot, RobotState, Status
from robots.kinematics import kinematics
from robots.planning.height_map import HeightMap
from robots.planning.motion import Motion, Pace, pointing_down
from robots.primitives import Body, Outcome, Target, pick, place
from robots.primitives.found import find
from robots.primitives.push import aim_at, legs_to, slide
from robots.primitives.push_goals import to_spot
from robots.primitives.push_paths import Leg
from robots.primitives.surface import Thing
from robots.relations import Relation
from robots.spec import RobotSpec
from sim.episode import TaskSpec, Theatre
from sim.points import points
from sim.render import FIRST_OBJECT_ID, ROBOT_ID
from sim.robot import CAMERA, SimRobot
from sim.stage import SimStage, oracle

Float = NDArray[np.float64]
Learner = Callable[[Body, Stroke, int, Callable[[Decision], None]], Ending]
"""Drives a stroke by itself for at most so many decisions, telling each."""

LOOK_EVERY = 6
"""Periods between two looks of a recording: 0.1 s."""
BEFORE = 4
"""The look before, of the two that a policy sees, was so many looks ago: 0.4 s, as at run time."""
AFTER = 6
"""Looks kept of a stroke that is done."""
MOST_CALLS = 4
FAMILIES = ("pick", "put", "stack", "relation", "push")
DISTURBED = {"none": 0.3, "carried": 0.35, "nudged": 0.35}
NEAR_GOAL_M = 0.03
SPOTS, SPOT_M = 8, (0.02, 0.22)
"""Pushes to spots tried in a scene, and how far these are."""
DRIVEN, LONG, CUT_SHORT, STUCK_LAST = (2, 9), 25, 0.7, 3
"""Decisions that a learner drives before the script takes over, in so many of the strokes; in the others it goes on
until it says that it is done, or is stuck after LONG. The last looks of a stroke that went wrong show it."""
FINGERS_M = 0.03
"""Lower than this above what a thing stands on the hand is pushing, or about to."""
INTERRUPT_S = (0.2, 1.15)
"""Before the fingers close, mostly."""


class Interrupted(Exception):
    """The script is stopped on its way."""


@dataclass(eq=False)
class Watcher:
    """The robot as a script is shown it while it is recorded: without its arm, and what that holds, in the picture."""

    robot: Robot
    sim: SimRobot
    recording: bool = False
    left_s: float = np.inf
    sent_q: list[Float] = field(default_factory=list)
    sent_width_m: list[float] = field(default_factory=list)
    looks: list[tuple[int, Observation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        state = self.robot.state()
        self._q, self._width_m = state.arm_q, state.gripper_width_m
        self._periods = 0

    @property
    def spec(self) -> RobotSpec:
        return self.robot.spec

    def observe(self) -> Observation:
        seen = self.robot.observe()
        world = self.sim.world
        held = world.held()
        hidden = {ROBOT_ID} if held is None else {ROBOT_ID, FIRST_OBJECT_ID + world.names.index(held)}
        parts = [v for v in world.visuals() if v.object_id not in hidden]
        frame = self.sim.renderer.render(parts, world.camera, world.scene.lights).frame(world.camera)
        return replace(seen, frames={CAMERA: frame})

    def state(self) -> RobotState:
        return self.robot.state()

    def send(self, command: Command) -> Command:
        sent = self.robot.send(command)
        if sent.arm_q is not None:
            self._q = sent.arm_q
        if sent.gripper_width_m is not None:
            self._width_m = sent.gripper_width_m
        return sent

    def wait(self, seconds: float) -> None:
        period = self.spec.period_s
        for _ in range(max(1, round(seconds / period))):
            if self.recording:
                if self._periods % LOOK_EVERY == 0:
                    self.looks.append((self._periods, self.robot.observe()))
                self.sent_q.append(np.array(self._q))
                self.sent_width_m.append(self._width_m)
                self._periods += 1
            self.robot.wait(period)
        self.left_s -= seconds
        if self.left_s < 0:
            self.left_s = np.inf
            raise Interrupted

    def stop(self) -> None:
        self.robot.stop()

    def close(self) -> None:
        """The theatre is somebody else's."""

    def begin(self, after_s: float = np.inf, *, record: bool = True) -> None:
        """Record from now on; interrupt after so long."""
        self.recording, self.left_s = record, after_s
        self.sent_q, self.sent_width_m, self.looks, self._periods = [], [], [], 0

    def follow(self) -> None:
        """The robot was moved by others: what it was last told is where it is."""
        state = self.robot.state()
        self._q, self._width_m = state.arm_q, state.gripper_width_m


@dataclass(frozen=True, kw_only=True, eq=False)
class Teacher:
    """One stroke as the script does it."""

    stroke: Stroke
    act: Callable[[], Outcome]
    start: Observation | None = None


def demonstrations(
    house: Theatre,
    family: str,
    seed: int,
    *,
    disturbances: Sequence[str] | None = None,
    learner: Learner | None = None,
) -> Iterator[Demo]:
    """The strokes of one scene, those that succeeded. learner: drives first, instead of the disturbances."""
    rng = np.random.default_rng([seed, crc32(family.encode()), 77])
    stage = house.set(TaskSpec(task=family, split="trained", seed=seed))
    assert stage.drawn is not None
    planner, body = oracle(stage), stage.body()
    watcher = Watcher(body.robot, house.robot)
    body.robot = watcher
    for _ in range(MOST_CALLS):
        seen = watcher.robot.observe()
        call = planner.plan(stage.drawn.instruction, seen, ()).calls[0]
        if call.verb not in (Verb.PICK, Verb.PLACE, Verb.PUSH):
            return
        call = _pointed(stage, call, rng)
        while True:
            teacher = teach(body, call, seen)
            if teacher is None:
                return
            if learner is not None:
                teacher = replace(teacher, start=watcher.robot.observe())
                driven = _driven(house, body, watcher, teacher.stroke, rng, learner)
                if driven is not None:
                    yield driven
            demo = _demonstrate(house, body, watcher, teacher, rng, learned=learner is not None)
            if demo is None:
                return
            yield demo
            if call.verb is not Verb.PUSH:
                break
            seen = watcher.robot.observe()
            call = _pointed(stage, planner.plan(stage.drawn.instruction, seen, ()).calls[0], rng)
            if call.verb is not Verb.PUSH:
                return


def spot_pushes(house: Theatre, seed: int, *, learner: Learner | None = None) -> Iterator[Demo]:
    """Strokes of pushes of one scene's things to spots drawn around them, near and far: the pushes that instructions
    ask for are few, and long."""
    rng = np.random.default_rng([seed, 78])
    stage = house.set(TaskSpec(task="push", split="trained", seed=seed))
    body = stage.body()
    watcher = Watcher(body.robot, house.robot)
    body.robot = watcher
    for _ in range(SPOTS):
        name = stage.names[int(rng.integers(len(stage.names)))]
        seen = watcher.robot.observe()
        at = points(house.robot.world, house.robot.main_picture(), seen.main)[name]
        first = None if at is None else locate(name, at, seen)
        if first is None or isinstance(first, Outcome) or first.xyz_m is None:
            continue
        cloud = body.see(first.camera)
        found = find(cloud, first.xyz_m)
        if found is None or found.thing.flat or not found.thing.small:
            continue
        turn, way = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(*SPOT_M))
        goal = found.thing.centre_xy + way * np.array([np.cos(turn), np.sin(turn)])
        heights = cloud.height_map()
        legs = legs_to(body, found.thing, heights, to_spot(goal))
        if not legs:
            continue
        teacher = Teacher(stroke=_push(name, found.thing, legs[0].goal_xy), act=_sliding(body, legs[:1], heights))
        if learner is not None:
            teacher = replace(teacher, start=seen)
            driven = _driven(house, body, watcher, teacher.stroke, rng, learner)
            if driven is not None:
                yield driven
        demo = _demonstrate(house, body, watcher, teacher, rng, learned=learner is not None)
        if demo is not None:
            yield demo
        body.home()


def teach(body: Body, call: PrimitiveCall, seen: Observation) -> Teacher | None:
    """The script's next stroke of a call; None where it has none."""
    first = locate(call.target, call.point, seen)
    if call.verb is Verb.PLACE and call.relation is not None:
        relation = call.relation
        if isinstance(first, Outcome) or first.xyz_m is None or not relation.takes_point:
            return None
        stroke = Stroke(verb=call.verb, words=call.target, origin_m=first.xyz_m, relation=relation, held=body.grasp)
        return Teacher(stroke=stroke, act=_placing(body, relation, first))
    if isinstance(first, Outcome) or first.xyz_m is None:
        return None
    if call.verb is Verb.PICK:
        stroke = Stroke(verb=call.verb, words=call.target, origin_m=first.xyz_m)
        return Teacher(stroke=stroke, act=_picking(body, first))
    there = locate(call.destination, call.destination_point, seen) if call.destination else None
    if isinstance(there, Outcome):
        return None
    cloud = body.see(first.camera)
    found, aim = find(cloud, first.xyz_m), aim_at(cloud, call.side, call.region, None, there, call.beside)
    if found is None or isinstance(aim, Outcome) or aim.there(found.thing):
        return None
    heights = cloud.height_map()
    legs = legs_to(body, found.thing, heights, aim)
    if not legs:
        return None
    stroke = _push(call.target, found.thing, legs[0].goal_xy)
    return Teacher(stroke=stroke, act=_sliding(body, legs[:1], heights))


def _push(words: str, thing: Thing, goal_xy: Float) -> Stroke:
    origin, goal = np.array([*thing.centre_xy, thing.bottom_m]), np.array([*goal_xy, thing.bottom_m])
    return Stroke(verb=Verb.PUSH, words=words, origin_m=origin, goal_m=goal)


def _sliding(body: Body, legs: list[Leg], heights: HeightMap) -> Callable[[], Outcome]:
    return lambda: slide(body, legs, heights)


def _placing(body: Body, relation: Relation, target: Target) -> Callable[[], Outcome]:
    return lambda: place(body, relation, target)


def _picking(body: Body, target: Target) -> Callable[[], Outcome]:
    return lambda: pick(body, target)


def _pointed(stage: SimStage, call: PrimitiveCall, rng: np.random.Generator) -> PrimitiveCall:
    """Half of the calls point anywhere on their thing, as a planner that errs would."""
    if call.target not in stage.names or call.verb is Verb.PLACE or rng.random() < 0.5:
        return call
    ids = stage.sim_robot.main_picture().ids
    rows, cols = np.nonzero(ids == FIRST_OBJECT_ID + stage.names.index(call.target))
    if len(rows) == 0:
        return call
    i = int(rng.integers(len(rows)))
    return replace(call, point=(int(rows[i]), int(cols[i])))


def _demonstrate(
    house: Theatre, body: Body, watcher: Watcher, teacher: Teacher, rng: np.random.Generator, *, learned: bool
) -> Demo | None:
    """One stroke, disturbed; None where it failed. learned: a learner has driven already."""
    stroke, world = teacher.stroke, house.robot.world
    start = watcher.robot.observe() if teacher.start is None else teacher.start
    kind = str(rng.choice(list(DISTURBED), p=list(DISTURBED.values())))
    if learned:
        kind = "learner"
    elif kind == "carried":
        _carry(body, stroke, rng)
    elif kind == "nudged":
        _nudge(body, watcher, teacher, rng)
    holds = watcher.state().holding
    if holds is not (stroke.verb is Verb.PLACE):
        return None
    if stroke.verb is Verb.PLACE:
        body.grasp = stroke.held
    else:
        body.grasp = None
    watcher.follow()
    watcher.begin()
    outcome = teacher.act()
    watcher.recording = False
    if outcome.status is not Status.SUCCEEDED:
        return None
    if stroke.goal_m is not None:
        nearest = min(float(np.linalg.norm(p.xyz[:2] - stroke.goal_m[:2])) for p in world.poses().values())
        if nearest > NEAR_GOAL_M:
            return None
    return recorded(watcher, stroke, start, kind)


def _driven(
    house: Theatre, body: Body, watcher: Watcher, stroke: Stroke, rng: np.random.Generator, learner: Learner
) -> Demo | None:
    """The learner drives for a while; what it saw where it went wrong is kept as a stroke that is stuck.

    None where it went right, or was only cut short.
    """
    decisions: list[Decision] = []
    body.robot = watcher.robot
    most = int(rng.integers(*DRIVEN)) if rng.random() < CUT_SHORT else LONG
    ending = learner(body, stroke, most, decisions.append)
    body.robot = watcher
    if ending is Ending.DONE:
        wrong = stroke.verb is not Verb.PUSH and watcher.state().holding is not (stroke.verb is Verb.PICK)
    else:
        wrong = ending is not Ending.OUT_OF_TIME or most == LONG
    if not wrong or len(decisions) < 2:
        return None
    count = len(decisions)
    bad = np.arange(count) >= count - STUCK_LAST
    return Demo(
        verb=stroke.verb, kind="driven", start=decisions[0].inputs.views[0],
        views=np.stack([d.inputs.views[2] for d in decisions]), features=np.stack([d.inputs.state for d in decisions]),
        chunks=np.zeros((count, STEPS, WIDTH), np.float32), done=np.zeros(count, np.bool_), stuck=bad, taught=False,
    )  # fmt: skip


def _carry(body: Body, stroke: Stroke, rng: np.random.Generator) -> None:
    """The hand to anywhere near the target, or part of the way there."""
    held = stroke.held
    drop = 0.0 if held is None else held.drop_m
    xy = stroke.origin_m[:2] + np.clip(rng.normal(0.0, 0.05, 2), -0.10, 0.10)
    z = stroke.origin_m[2] + drop + float(rng.uniform(0.02, 0.20))
    away = stroke.origin_m[:2]
    pose = pointing_down(np.array([*xy, z]), float(np.arctan2(away[1], away[0]) + rng.uniform(-0.8, 0.8)))
    width = 0.0 if held is not None else float(rng.uniform(0.0, body.robot.spec.gripper_max_width_m))
    cloud = body.see(CAMERA)
    checker = body.checker(cloud.height_map(), width_m=0.08)
    pace = Pace(velocity=0.85, acceleration=0.55)
    motion = body.planner.through(body.robot.state().arm_q, [pose], checker=checker, pace=pace)
    share = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.4 else 1.0
    _part(body, motion, share, width)


def _nudge(body: Body, watcher: Watcher, teacher: Teacher, rng: np.random.Generator) -> None:
    """The script until it is interrupted, then a nudge of one to four centimetres."""
    watcher.begin(float(rng.uniform(*INTERRUPT_S)), record=False)
    grasp = body.grasp
    try:
        with suppress(Interrupted):
            teacher.act()
    finally:
        watcher.left_s, body.grasp = np.inf, grasp
    state = body.robot.state()
    tool = state.world_T_tool
    way = rng.normal(0.0, 0.02, 3)
    way[2] = abs(way[2])
    pose = pointing_down(tool.xyz + way, tool.yaw_rad + float(rng.normal(0.0, 0.25)))
    width = 0.0 if grasp is not None else state.gripper_width_m
    _part(body, body.planner.through(state.arm_q, [pose]), 1.0, width)


def _part(body: Body, motion: Motion, share: float, width_m: float) -> None:
    if motion.status is Status.SUCCEEDED:
        body.follow(replace(motion, q=motion.q[: max(1, int(share * len(motion.q)))]), width_m=width_m)


def recorded(watcher: Watcher, stroke: Stroke, start: Observation, kind: str) -> Demo | None:
    """What was recorded, up to a little after the stroke was done."""
    looks = watcher.looks
    z = np.array([seen.state.world_T_tool.xyz[2] for _, seen in looks])
    worked = _worked(stroke, [seen.state.holding for _, seen in looks], z)
    if worked is None:
        return None
    done = (np.arange(len(z)) > worked) & (z >= z[worked] + RAISED_M)
    if not done.any():
        return None
    last = min(len(looks), int(np.argmax(done)) + AFTER)
    arm = kinematics(watcher.spec)
    tools = [Pose.from_matrix(m) for m in arm.frames(np.stack(watcher.sent_q))[:, -1]]
    widths = np.array(watcher.sent_width_m)
    per_step = round(STEP_S / watcher.spec.period_s)
    views, felts, chunks, lowest = [], [], [], float("inf")
    for periods, seen in looks[:last]:
        world_T_f = stroke.frame(seen.state.world_T_base)
        before = max(periods - 1, 0)
        lowest = min(lowest, float(seen.state.world_T_tool.xyz[2] - world_T_f.xyz[2]))
        felt = Felt(state=seen.state, width_sent_m=float(widths[before]), lowest_m=lowest)
        ahead = np.minimum(periods - 1 + per_step * np.arange(1, STEPS + 1), len(tools) - 1)
        views.append(view(seen.main, world_T_f))
        felts.append(features(stroke, felt, widest_m=watcher.spec.gripper_max_width_m))
        chunks.append(encode(world_T_f, seen.state.world_T_tool, [tools[i] for i in ahead], widths[ahead]))
    first = view(start.main, stroke.frame(start.state.world_T_base))
    return Demo(
        verb=stroke.verb, kind=kind, start=first, views=np.stack(views), features=np.stack(felts),
        chunks=np.stack(chunks), done=done[:last], stuck=np.zeros(last, dtype=np.bool_),
    )  # fmt: skip


def _worked(stroke: Stroke, holding: list[bool], z: Float) -> int | None:
    """The look at which the work was done: the fingers had closed, had opened, or left what they pushed."""
    if stroke.verb is Verb.PUSH:
        low = np.nonzero(z < stroke.origin_m[2] + FINGERS_M)[0]
        return int(low[-1]) if len(low) else None
    changed = [i for i in range(1, len(holding)) if holding[i] != holding[i - 1]]
    return changed[-1] if changed else None
