"""Arm motion of a robot that drives while its base stands: to a pose around what is in the way, and straight lines.

Poses are in odom. Everything here is for any robot with a spec; the base is not moved (see robots.mobile.stand).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command, RobotState, Status
from robots.kinematics import kinematics
from robots.mobile.load import Load, load_parts
from robots.mobile.shapes import robot_shape
from robots.mobile.sieve import Sieve
from robots.mobile.sight import odom_T_base, odom_T_world, within
from robots.mobile.slide import above_floor
from robots.planning.free_space import FreeSpace
from robots.planning.limits import MotionLimits
from robots.planning.motion import Motion, Pace
from robots.planning.obstacles import Box, Cloud, Obstacle
from robots.planning.planner import plan_arm
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import STRAY_RAD, Body, Outcome
from robots.spec import RobotSpec

Float = NDArray[np.float64]
Stop = Callable[[RobotState], str | None]
"""Asked at every period: words to stop for, or None."""

MAP_ERROR_M = 0.02
"""A believed place may be off by so much: furniture of the map counts as this much smaller, level; depth shows it."""
LEVEL_M = 0.004
LEAN_RAD, UPRIGHT_M_S, RISES_M = 0.45, 0.5, (0.0, 0.1, 0.25)
"""How far what is held may lean, how fast it is moved, and how far up it may go on its way."""
AROUND_M = 1.3
TRIES = 1500
SEEDS = 6
"""Configurations that inverse kinematics also starts from, beside the spec's own."""
NEAR_ROBOT_M = 0.03
"""Points seen nearer to the robot than this are left out: it stands there without touching anything."""
CLEARED_M, DEEPER_M = 0.002, 0.001
OUT_RAD, OUT_TRIES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6), 96
"""Out of something that balls overlap with: clear by the first, no deeper by more than the second on the way; so many
configurations are tried so far around."""
OFF_RAD, TAKE_UP_S = 0.1, 1.5
"""Joints (rad or m) are told so nearly what they should be; and how long that may take at the beginning."""
CONTACT_N, BACK = 8.0, 4
"""A change of force at the wrist within so many periods that is no trembling."""
UPRIGHT_TRIES, HELD_PACE = 800, 0.7
LOADED = 0.45
"""Share of its pace with which an arm goes that does not keep upright what it holds."""


def configurations(body: Body, goal: Pose, *, near: Float | None = None) -> list[Float]:
    """float64[J] each: arm configurations that bring the tool to `goal` (odom), the nearest to the present one first.

    near: the present one, by default the robot's.
    """
    spec, state = body.robot.spec, body.robot.state()
    target = odom_T_base(state).inverse() @ goal
    if (target.xyz < spec.tool_lower_m).any() or (target.xyz > spec.tool_upper_m).any():
        return []
    here = state.arm_q if near is None else near
    found: list[Float] = []
    first = body.kinematics.reach(target, here)
    if first.converged:
        found.append(first.q)
    rng = np.random.default_rng(0)
    for _ in range(SEEDS):
        seed = spec.home_q_rad + 0.35 * (spec.q_upper_rad - spec.q_lower_rad) * rng.uniform(-1, 1, spec.dof)
        result = body.kinematics.solve(target, np.clip(seed, spec.q_lower_rad, spec.q_upper_rad), iterations=40)
        if result.converged and all(float(np.abs(result.q - q).max()) > 0.1 for q in found):
            found.append(result.q)
    return sorted(found, key=lambda q: float(np.abs(q - here).max()))


def scattered(
    body: Body, goals: Sequence[Pose], *, each: int, base: Pose | None = None
) -> tuple[Float, NDArray[np.int64]]:
    """Configurations float64[K,J] that bring the tool to any of `goals` (odom), from `each` starts a goal all over the
    arm's range, and which goal, int64[K]. base: odom_T_base where the robot would stand, by default where it does."""
    spec, arm = body.robot.spec, body.kinematics
    base_T_odom = (odom_T_base(body.robot.state()) if base is None else base).inverse()
    local = [base_T_odom @ goal for goal in goals]
    inside = [
        i for i, g in enumerate(local) if (g.xyz >= spec.tool_lower_m).all() and (g.xyz <= spec.tool_upper_m).all()
    ]
    which = np.repeat(np.array(inside, dtype=np.int64), each)
    if len(which) == 0:
        return np.empty((0, spec.dof)), which
    rng = np.random.default_rng(0)
    seeds = np.concatenate([arm.scattered(local[i], each, rng) for i in inside])
    xyz, rotation = np.array([local[i].xyz for i in which]), np.array([local[i].rotation for i in which])
    q, done = arm.solve_many(xyz, rotation, seeds)
    return q[done], which[done]


def surroundings(body: Body, points: Float, *, fixed: bool = True) -> Scene:
    """What the arm must keep clear of: points [N,3] seen (odom) and, if `fixed`, the map's walls and furniture."""
    state = body.robot.state()
    base = odom_T_base(state)
    obstacles: list[Obstacle] = []
    if fixed and body.map is not None:
        by = odom_T_world(state)
        for solid in body.map.solids_now(body.ajar):
            pose = by @ solid.pose
            half = np.maximum(solid.half_m - [MAP_ERROR_M, MAP_ERROR_M, 0.0], 0.004)
            local = pose.inverse().apply(base.xyz)
            if float(np.linalg.norm(np.maximum(np.abs(local[:2]) - half[:2], 0.0))) < AROUND_M:
                obstacles.append(Box(pose=pose, half_m=half, name=solid.name))
    near = points[np.abs(points[:, :2] - base.xyz[:2]).max(axis=1) < AROUND_M] if len(points) else points
    if body.robot.spec.slides:
        near = above_floor(near)
    if len(near):
        seen = _off_levels(_thinned(near), [o for o in obstacles if isinstance(o, Box)])
        obstacles.append(Cloud(points=_off_robot(body, state, seen)))
    reach = np.array([AROUND_M, AROUND_M, 0.0])
    return Scene(obstacles, lower_m=base.xyz - reach - [0, 0, 0.05], upper_m=base.xyz + reach + [0, 0, 2.1])


def shape(body: Body, *, width_m: float) -> RobotShape:
    """The robot where its wheels say it stands, with what it holds."""
    one = robot_shape(body.robot.spec, odom_T_base(body.robot.state()), width_m=width_m)
    held = load_parts(body)
    return one.holding(held) if held else one


def free(body: Body, scene: Scene, q: Float, *, width_m: float, margin_m: float = 0.0, hand: bool = True) -> bool:
    """Whether the arm at `q` [J] keeps clear of the scene and of the robot itself; hand=False: the hand may be close to
    what it takes."""
    return bool(all_free(body, scene, q[None], width_m=width_m, margin_m=margin_m, hand=hand)[0])


def all_free(
    body: Body, scene: Scene, q: Float, *, width_m: float, margin_m: float = 0.0, hand: bool = True
) -> NDArray[np.bool_]:
    """bool[N]: `free` for each of q [N,J]."""
    if len(q) == 0:
        return np.empty(0, dtype=np.bool_)
    one = shape(body, width_m=width_m)
    space = FreeSpace(one, scene, resolution=np.full(body.robot.spec.dof, 0.1), margin_m=margin_m)
    clear = space.clearance(q)[0] >= space.need
    if not hand:
        met = [part for part in one.parts if not part.anchored]
        clear[:, : len(met)] |= np.array([part.frame == -1 for part in met])
    return np.asarray(clear.all(axis=1))


def go(
    body: Body,
    scene: Scene,
    goals: Sequence[Float],
    *,
    width_m: float | None = None,
    pace: float = 1.0,
    tip: bool = True,
) -> Outcome:
    """The arm around everything in the scene to one of the configurations `goals` [J]. What it holds stays upright on
    the way, if there is one for that. tip: it may be turned over where there is none."""
    state = body.robot.state()
    fingers = state.gripper_width_m if width_m is None else width_m
    one, start = shape(body, width_m=fingers), state.arm_q
    away = _backed_out(body, one, scene, start, goals)
    if away is not None:
        outcome = follow(body, body.planner.to_q(start, away, pace=Pace(velocity=0.3 * pace)).q, width_m=width_m)
        if outcome.status is not Status.SUCCEEDED:
            return outcome
        start = body.robot.state().arm_q
    upright = _upright_way(body, one, scene, start, goals, pace)
    if upright is not None:
        return follow(body, upright, width_m=width_m)
    leaning = _leaning_way(body, one, scene, start, goals, pace)
    if leaning is not None:
        return follow(body, leaning, width_m=width_m)
    if not tip and isinstance(body.grasp, Load):
        return Outcome(status=Status.PATH_BLOCKED, detail="there is no way along which it stays upright")
    # What turns over on the way pulls at the fingers as hard as the arm is quick.
    pace *= LOADED if isinstance(body.grasp, Load) else 1.0
    motion = plan_arm(
        body.robot.spec, one, scene, start, np.array(goals), rng=np.random.default_rng(0), tries=TRIES,
        limits=_limits(body.robot.spec, pace),
    )  # fmt: skip
    if motion.status is not Status.SUCCEEDED:
        return Outcome(status=motion.status, detail=motion.detail)
    return follow(body, motion.q, width_m=width_m)


def _upright_way(
    body: Body, one: RobotShape, scene: Scene, start: Float, goals: Sequence[Float], pace: float
) -> Float | None:
    """float64[M,J]: a stream to a goal, the tool straight or over a place higher up, along which what is held leans no
    more than LEAN_RAD: a full can spills at 40 degrees. None where it leans already, or nothing is held, or none is
    free."""
    load = body.grasp
    if not isinstance(load, Load):
        return None
    arm, base = body.kinematics, odom_T_base(body.robot.state())
    space = FreeSpace(one, scene, resolution=np.full(body.robot.spec.dof, 0.1), margin_m=0.0)

    def upright(q: Float) -> bool:
        return load.lean_rad(arm.tool(q)) < LEAN_RAD

    for goal in goals:
        if not (upright(start) and upright(goal)):
            continue
        for way in _straight_ways(body, start, base @ arm.tool(goal), pace):
            last = body.planner.to_q(way[-1], goal, pace=Pace(velocity=0.3 * pace)).q
            stream = np.concatenate([way, last])
            few = np.concatenate([stream[:: max(1, len(stream) // 60)], stream[-1:]])
            if all(upright(q) for q in few) and space.free(few).all():
                return stream
    return None


def _leaning_way(
    body: Body, one: RobotShape, scene: Scene, start: Float, goals: Sequence[Float], pace: float
) -> Float | None:
    """float64[M,J]: a stream around what is in the way along which what is held leans no more than LEAN_RAD; None where
    it leans already, nothing is held or none is found."""
    load, arm = body.grasp, body.kinematics
    if not isinstance(load, Load):
        return None
    fit = [goal for goal in goals if load.lean_rad(arm.tool(goal)) < LEAN_RAD]
    if not fit or load.lean_rad(arm.tool(start)) > LEAN_RAD:
        return None
    motion = plan_arm(
        body.robot.spec, one, scene, start, np.array(fit), rng=np.random.default_rng(0), tries=UPRIGHT_TRIES,
        limits=_limits(body.robot.spec, pace * HELD_PACE), upright=(load.tool_T_thing.rotation[:, 2], LEAN_RAD),
    )  # fmt: skip
    return motion.q if motion.status is Status.SUCCEEDED else None


def _straight_ways(body: Body, start: Float, goal: Pose, pace: float) -> Iterator[Float]:
    """float64[M,J]: streams of the tool straight to `goal` (odom), turning evenly; and over a place higher up."""
    here = odom_T_base(body.robot.state()) @ body.kinematics.tool(start)
    for rise in RISES_M:
        high = max(here.xyz[2], goal.xyz[2]) + rise
        over = [Pose(xyz=np.array([*e.xyz[:2], high]), quat_xyzw=e.quat_xyzw) for e in (here, goal)] if rise else []
        way = [np.asarray(start)[None]]
        for there in (*over, goal):
            part = straight_way(body, way[-1][-1], there, speed_m_s=UPRIGHT_M_S * pace, acceleration=0.3)
            if part is None:
                break
            way.append(part[1:])
        else:
            yield np.concatenate(way)


def bent_upright(body: Body, goal: Pose) -> Iterator[Float]:
    """float64[J]: how the arm is bent after straight ways of the tool to `goal` (odom): what it then holds is as
    upright as at both ends all the way."""
    for way in _straight_ways(body, body.robot.state().arm_q, goal, 1.0):
        yield way[-1]


def _backed_out(body: Body, one: RobotShape, scene: Scene, q: Float, goals: Sequence[Float]) -> Float | None:
    """float64[J]: where a robot that touches something, by the balls that stand for it, is clear again, on its way to a
    goal or home; None where it need not or nothing near by is clear."""
    spec = body.robot.spec
    space = FreeSpace(one, scene, resolution=np.full(spec.dof, 0.1), margin_m=0.0)
    if space.worst(q)[0] >= 0.0:
        return None
    for share in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        for goal in (*goals, spec.home_q_rad):
            there = q + share * (goal - q)
            if space.worst(there)[0] >= CLEARED_M:
                return np.asarray(there)
    # No way to anywhere leads out: to any side, by as little as will do, and no deeper into anything on the way.
    least = np.minimum(space.clearance(q[None])[0][0], space.need) - DEEPER_M
    rng = np.random.default_rng(0)
    for spread in OUT_RAD:
        near = np.clip(q + spread * rng.normal(size=(OUT_TRIES, spec.dof)), spec.q_lower_rad, spec.q_upper_rad)
        spare = (space.clearance(near)[0] - space.need).min(axis=1)
        out = near[spare >= CLEARED_M]
        for there in out[np.argsort(np.abs(out - q).max(axis=1))]:
            if bool((space.clearance(space.sampled(np.stack([q, there])))[0] >= least).all()):
                return np.asarray(there)
    return None


def straight(
    body: Body,
    goal: Pose,
    *,
    speed_m_s: float,
    width_m: float | None = None,
    stop: Stop | None = None,
    acceleration: float = 0.5,
) -> Outcome:
    """The tool along a straight line to `goal` (odom), at most so fast. Where `stop` says a word it stands still, and
    that is a success with the word as detail."""
    state = body.robot.state()
    target = odom_T_base(state).inverse() @ goal
    motion: Motion = body.planner.line(state.arm_q, target, pace=Pace(acceleration=acceleration, tool_m_s=speed_m_s))
    if motion.status is not Status.SUCCEEDED:
        return Outcome(status=motion.status, detail=motion.detail)
    return follow(body, motion.q, width_m=width_m, stop=stop)


def straight_way(
    body: Body, start_q: Float, goal: Pose, *, speed_m_s: float, acceleration: float = 0.5
) -> Float | None:
    """float64[M,J]: the arm's stream for a straight line of the tool from `start_q` [J], which comes first, to `goal`
    (odom); None where it can't. Backwards it is a stream, too. acceleration: share of the joints' limits."""
    target = odom_T_base(body.robot.state()).inverse() @ goal
    motion = body.planner.line(start_q, target, pace=Pace(acceleration=acceleration, tool_m_s=speed_m_s))
    return np.concatenate([start_q[None], motion.q]) if motion.status is Status.SUCCEEDED and len(motion.q) else None


def follow(body: Body, q: Float, *, width_m: float | None = None, stop: Stop | None = None) -> Outcome:
    """Stream configurations [M,J], one a period, then wait until the arm stands."""
    robot = body.robot
    period = robot.spec.period_s
    for k, one in enumerate(q):
        sent = robot.send(Command(arm_q=one, gripper_width_m=width_m))
        if k == 0:
            sent = _taken_up(body, one, sent, width_m)
        if not _sent_near(sent, one):
            robot.stop()
            return Outcome(status=Status.LIMIT, detail="the limits held the arm back")
        robot.wait(period)
        state = robot.state()
        if float(np.abs(state.arm_q - one).max()) > STRAY_RAD:
            robot.stop()
            return Outcome(status=Status.PATH_BLOCKED, detail="the arm ran into something")
        word = None if stop is None else stop(state)
        if word is not None:
            robot.stop()
            return Outcome(status=Status.SUCCEEDED, detail=word)
    if len(q):
        settle(body, q[-1], width_m)
    return Outcome(status=Status.SUCCEEDED, detail="")


def _taken_up(body: Body, q: Float, sent: Command, width_m: float | None) -> Command:
    """What is sent in the end for q [J], where an arm is that something had stopped on its way: what it was told last
    lies beyond that, and the limits let it be told something else only bit by bit."""
    for _ in range(int(TAKE_UP_S / body.robot.spec.period_s)):
        if _sent_near(sent, q):
            break
        body.robot.wait(body.robot.spec.period_s)
        sent = body.robot.send(Command(arm_q=q, gripper_width_m=width_m))
    return sent


def _sent_near(sent: Command, q: Float) -> bool:
    return sent.arm_q is not None and float(np.abs(sent.arm_q - q).max()) <= OFF_RAD


def settle(body: Body, q: Float, width_m: float | None, *, most_s: float = 0.4) -> None:
    """Until the arm stands at q [J], to 2 mrad or mm."""
    robot = body.robot
    for _ in range(int(np.ceil(most_s / robot.spec.period_s))):
        if float(np.abs(robot.state().arm_q - q).max()) < 0.002:
            return
        robot.send(Command(arm_q=q, gripper_width_m=width_m))
        robot.wait(robot.spec.period_s)


def touched(force_n: float = CONTACT_N) -> Stop:
    """Stops where the force at the wrist changes by so much within BACK periods. Slower changes are the arm's own: its
    inertia, or the hand turning. A robot without a sensor there never stops for it."""
    history: list[Float] = []

    def stop(state: RobotState) -> str | None:
        if state.wrist_force_n is None:
            return None
        history.append(state.wrist_force_n)
        before = history[max(0, len(history) - 1 - BACK)]
        return "contact" if float(np.linalg.norm(history[-1] - before)) > force_n else None

    return stop


def tool(body: Body, state: RobotState | None = None) -> Pose:
    """odom_T_tool."""
    state = state or body.robot.state()
    return odom_T_base(state) @ kinematics(body.robot.spec).tool(state.arm_q)


def _limits(spec: RobotSpec, pace: float) -> MotionLimits:

    return MotionLimits.of(spec, velocity=0.9 * pace, acceleration=0.6 * pace, jerk=0.6 * pace)


def _off_robot(body: Body, state: RobotState, points: Float) -> Float:
    one = shape(body, width_m=state.gripper_width_m)
    return np.asarray(points[~within(points, one.centres(state.arm_q[None])[0], one.radii_m + NEAR_ROBOT_M)])


def _off_levels(points: Float, boxes: Sequence[Box]) -> Float:
    """Points [N,3] that are not on the top or the underside of boxes, whose heights the map knows better than the cells
    of a cloud do: 12 mm matter between two shelves."""
    keep = np.ones(len(points), dtype=np.bool_)
    sieve = Sieve(points)
    for box in boxes:
        some = sieve.around(box.pose, box.half_m + [MAP_ERROR_M, MAP_ERROR_M, LEVEL_M])
        if len(some) == 0:
            continue
        x, y, z = np.abs(box.pose.inverse().apply(points[some])).T
        over = (x < box.half_m[0] + MAP_ERROR_M) & (y < box.half_m[1] + MAP_ERROR_M)
        keep[some] &= ~(over & (np.abs(z - box.half_m[2]) < LEVEL_M))
    return np.asarray(points[keep])


def _thinned(points: Float) -> Float:
    """One point a cell of 1 cm."""
    cells = np.floor(points * 100.0).astype(np.int64)
    key = (cells[:, 0] * 4096 + cells[:, 1]) * 4096 + cells[:, 2]
    return np.asarray(points[np.unique(key, return_index=True)[1]])
