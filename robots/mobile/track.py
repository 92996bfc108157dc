"""Where to stand so that the hand can go along a path held rigidly: the base's places and the arm's configurations.

For drawers and doors: the hand keeps a bar along a line or an arc, the base stands still, or goes along by a share of
the way that the part goes (backing up, or around the hinge), or, where it can only drive ahead, slides along its own
heading as the arm needs it. Candidates are tried in the order of a prior until one is reached and free all along.
Shape letters: N samples of the path, J joints, S balls, B boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, quat_from_axis_angle
from robots.kinematics import Kinematics, kinematics, whole_body
from robots.mobile.drive import flat
from robots.mobile.haul import stand
from robots.mobile.shapes import robot_shape
from robots.mobile.slide import bearing
from robots.parts import Drive
from robots.places import Solid
from robots.planning.obstacles import Box
from robots.planning.scene import Scene
from robots.spec import RobotSpec

Float = NDArray[np.float64]
Path = Callable[[float], Pose]
"""odom_T_tool for amounts, m or rad."""
Standable = Callable[[Float], bool]
"""Whether a base may stand at a place [3] (odom)."""
_HandTurn = tuple[float, float, float]
"""Swing, lean and roll of a hand."""

BASE_MARGIN_M, ARM_MARGIN_M, HAND_MARGIN_M, PART_MARGIN_M = 0.04, 0.012, 0.004, 0.006
SELF_M = 0.007
SLACK_M = 0.03
"""Things may turn out to be so much farther away than they were thought to be."""
NEAR_M = 1.7
SPARE_RAD = 0.06
"""A joint nearer to its limit than this is out of reach."""
CHECKS, SAMPLES = 7, 41
BACK_M = 0.12
"""The straight approach to a bar, and the retreat from it, are so long."""
REACHES_M = (0.70, 0.62, 0.78, 0.54, 0.86, 0.46)
SIDES_M = (0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45, 0.6, -0.6)
TURNS_RAD = (0.0, 0.35, -0.35, 0.7, -0.7, 1.1, -1.1)
TOGETHER, MOST_TRIED = 96, 1920
STEADY = 0.03
"""The least singular value of the arm's Jacobian (m and rad) along a track: 0.1 to 0.2 where it moves easily."""
MOST_TURN_RAD = 0.9
"""Of a joint from one check to the next."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """amounts: float64[N]; tools: the hand at them; places: float64[N,3] of the base; q: float64[N,J] of the arm.

    before, after: float64[J], where the approach begins and the retreat ends.
    """

    amounts: Float
    tools: tuple[Pose, ...]
    places: Float
    q: Float
    before: Float
    after: Float

    def reversed(self) -> Track:
        """The same way backwards."""
        return Track(amounts=self.amounts[::-1], tools=self.tools[::-1], places=self.places[::-1], q=self.q[::-1],
                     before=self.after, after=self.before)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What is asked of a track. path: of the tool over amounts; motion: how the part has moved at an amount. start,
    end:
    amounts. parts: boxes that move along (at amount 0), others: those that don't; all in odom. swing: of the hand about
    its x, which lies along the bar, are allowed by the bar: shares of the part's turn that the hand leaves out."""

    path: Path
    motion: Callable[[float], Pose]
    start: float
    end: float
    parts: tuple[Solid, ...]
    others: tuple[Solid, ...]
    swings: tuple[float, ...] = (0.0,)
    shares: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Of the part's way that a base goes along, if it can go anywhere. toward: float64[3], what the base looks at
    about, where
    that is not the way that the hand points. checks, samples: at how many amounts a track is checked, and given.
    hand_margin_m: the hand keeps so far
    from what does not move; less than 0 where it rubs along it. back_m: of the straight approach and retreat."""
    leans: tuple[float, ...] = (0.0,)
    """Turns of the hand about the bar that it keeps all along: for bars beside a wall."""
    rolls: tuple[float, ...] = (0.0, np.pi)
    toward: Float | None = None
    accepted: Callable[[Track], bool] = lambda _: True
    """What else a track must pass."""
    touch_m: float | None = None
    """The hand keeps so far from the moving part, less than 0 where it touches it; None: it holds it."""
    checks: int = CHECKS
    samples: int = SAMPLES
    hand_margin_m: float = HAND_MARGIN_M
    back_m: float = BACK_M


def find_track(spec: RobotSpec, task: Task, here: Float, free: Standable | None = None) -> Track | None:
    """The first free track in the order of the prior; None where no candidate is. here: float64[3], the base now.
    free: what else the base's first place must pass, such as what stands around that no map shows."""
    if abs(task.start) > abs(task.end):
        # What leads there leads back: one search for opening and shutting.
        found = _found(spec, replace(task, start=task.end, end=task.start), here, free, -1)
        return None if found is None else found.reversed()
    return _found(spec, task, here, free, 0)


def _found(spec: RobotSpec, task: Task, here: Float, free: Standable | None, first: int) -> Track | None:
    """As find_track; first: which end of the track the robot begins at, 0 or -1."""
    boxes = _scene(task)
    checks = np.linspace(task.start, task.end, task.checks)
    moved = [Boxes(_carried(task.parts, task.motion(a))) for a in checks]
    shape = _Shape(spec, task.hand_margin_m)
    turns = [
        turn for turn in product(task.swings, task.leans, task.rolls)
        if all(shape.hand_clear(_tool(task, a, *turn), boxes) for a in checks)
    ]  # fmt: skip
    if not turns:
        return None
    options = _Options(spec, task, checks, here, turns)
    clear: dict[int, bool] = {}

    def stands(row: _Row) -> bool:
        if row.place not in clear:
            places = options.places[row.place]
            clear[row.place] = shape.places_clear(places, boxes, moved) and (free is None or free(places[first]))
        return clear[row.place]

    order, tried = filter(stands, options.rows), 0
    while tried < MOST_TRIED and (rows := list(islice(order, TOGETHER))):
        tried += len(rows)
        for row, base, q in _fits(spec, rows, options):
            if not all(
                shape.arm_clear(base[k], q[k], boxes, moved[k], hand_m=task.touch_m) for k in range(task.checks)
            ):
                continue
            if _slides(spec) and not shape.places_clear(base, boxes, moved):
                continue
            found = _dense(spec, task, base, q[0], row.turn)
            if found is None:
                continue
            ends = ((found.before, base[0], moved[0]), (found.after, base[-1], moved[-1]))
            if not all(shape.arm_clear(place, end, boxes, part, hand_m=PART_MARGIN_M) for end, place, part in ends):
                continue
            if steady(spec, found) and task.accepted(found):
                return found
    return None


def steady(spec: RobotSpec, track: Track, least: float = STEADY) -> bool:
    """Whether the arm keeps off its singular configurations: near them it can't answer to what is off a little."""
    if _slides(spec):
        return True
    arm = kinematics(spec)
    return all(float(np.linalg.svd(arm.jacobian(q), compute_uv=False)[-1]) > least for q in track.q[::4])


def _tool(task: Task, amount: float, swing: float, lean: float, roll: float) -> Pose:
    """The hand at an amount, turned about the bar by a share of the part's turn and by `lean`, and rolled."""
    pose = task.path(amount)
    if swing or lean:
        turned = _turn(task.motion(amount)) - _turn(task.motion(task.start))
        up = float(np.sign((pose.rotation @ [1.0, 0.0, 0.0])[2]) or 1.0)
        pose = pose @ _about([1.0, 0.0, 0.0], -up * swing * turned + lean)
    return pose @ _about([0.0, 0.0, 1.0], roll) if roll else pose


def _about(axis: Sequence[float], angle: float) -> Pose:
    return Pose(xyz=np.zeros(3), quat_xyzw=quat_from_axis_angle(axis, angle))


def _turn(motion: Pose) -> float:
    return motion.yaw_rad


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One candidate: which of the options' places, and how the hand is turned."""

    cost: float
    place: int
    turn: _HandTurn


class _Options:
    """What may be tried. places: list of float64[CHECKS,3]; tools: the hand at each amount by swing and roll."""

    def __init__(self, spec: RobotSpec, task: Task, amounts: Float, here: Float, turns: Sequence[_HandTurn]) -> None:
        first = task.path(task.start)
        into = first.rotation @ [0.0, 0.0, 1.0]
        if abs(into[2]) > 0.8 and task.toward is not None:
            into = np.array([*(task.toward[:2] - here[:2]), 0.0])
        heading = float(np.arctan2(into[1], into[0]))
        # A differential base stands so that its arm, which points aside, points at the furniture.
        tool = kinematics(spec).tool(spec.posture)
        arm = float(np.arctan2(tool.xyz[1], tool.xyz[0])) if _slides(spec) else bearing(spec)
        self.tools = {turn: [_tool(task, a, *turn) for a in amounts] for turn in turns}
        self.places: list[Float] = []
        rows: list[_Row] = []
        c, s = np.cos(heading), np.sin(heading)
        for reach, side, turn in product(REACHES_M, SIDES_M, TURNS_RAD):
            x, y = first.xyz[:2] - np.array([c * reach - s * side, s * reach + c * side])
            start = np.array([x, y, heading - arm + turn])
            prior = (
                0.6 * abs(reach - 0.7) + 0.5 * abs(side) + 0.25 * abs(turn) + 0.1 * float(np.hypot(*(start - here)[:2]))
            )
            for share in (0.0,) if _slides(spec) or spec.slides else task.shares:
                self.places.append(_along(task, amounts, start, share))
                for swing, lean, roll in turns:
                    cost = prior + 0.25 * share + 0.4 * abs(swing) + 0.3 * abs(lean) + 0.01 * (roll > 0)
                    rows.append(_Row(cost=cost, place=len(self.places) - 1, turn=(swing, lean, roll)))
        self.rows = sorted(rows, key=lambda row: row.cost)


def _along(task: Task, amounts: Float, start: Float, share: float) -> Float:
    """float64[N,3]: a base that goes along by a share of the part's own motion."""
    if share == 0.0:
        return np.tile(start, (len(amounts), 1))
    begin = task.motion(task.start).inverse()
    whole = [task.motion(task.start + share * (a - task.start)) @ begin @ stand(start) for a in amounts]
    return np.array([flat(pose) for pose in whole])


def _fits(spec: RobotSpec, rows: Sequence[_Row], options: _Options) -> Iterator[tuple[_Row, Float, Float]]:
    """Of some candidates those that reach all along, each with its places [CHECKS,3] and configurations [CHECKS,J]."""
    body, base_dof = _body(spec)
    goals = [
        [stand(place).inverse() @ tool for place, tool in zip(options.places[r.place], options.tools[r.turn],
        strict=True)]
        for r in rows
    ]  # fmt: skip
    xyz = np.array([[g.xyz for g in one] for one in goals])
    rotation = np.array([[g.rotation for g in one] for one in goals])
    ok = np.ones(len(rows), dtype=np.bool_)
    if base_dof == 0:
        ok &= ((xyz > spec.tool_lower_m) & (xyz < spec.tool_upper_m)).all(axis=(1, 2))
    checks = xyz.shape[1]
    q = np.zeros((len(rows), checks, len(body.home_q_rad)))
    q[:, 0], first = _first(body, xyz[:, 0], rotation[:, 0], ok)
    ok &= first & _spare(body, q[:, 0], base_dof)
    for k in range(1, checks):
        left = np.nonzero(ok)[0]
        q[left, k], reached = body.solve_many(xyz[left, k], rotation[left, k], q[left, k - 1], iterations=25)
        near = np.abs(q[left, k] - q[left, k - 1])[:, base_dof:].max(axis=1) < MOST_TURN_RAD
        ok[left] &= reached & near & _spare(body, q[left, k], base_dof)
    for k in (0, checks - 1):
        left = np.nonzero(ok)[0]
        farther = xyz[left, k].copy()
        farther[:, :2] *= 1.0 + SLACK_M / np.maximum(np.linalg.norm(farther[:, :2], axis=1), 0.1)[:, None]
        _, reached = body.solve_many(farther, rotation[left, k], q[left, k], iterations=25)
        ok[left] &= reached
    for i in np.nonzero(ok)[0].tolist():
        base, arm_q = _split(options.places[rows[i].place], q[i], base_dof)
        yield rows[i], base, arm_q


def _first(
    body: Kinematics, xyz: Float, rotations: Float, wanted: NDArray[np.bool_]
) -> tuple[Float, NDArray[np.bool_]]:
    """Configurations [N,J] for goals from several starts, and which were reached; only where `wanted`."""
    q, ok = np.tile(body.home_q_rad, (len(xyz), 1)), np.zeros(len(xyz), dtype=np.bool_)
    for start in body.starts:
        left = np.nonzero(wanted & ~ok)[0]
        if len(left) == 0:
            break
        seeds = np.tile(start, (len(left), 1))
        if body.base_dof:
            seeds[:, 0] = xyz[left, 0] - body.tool(start).xyz[0]
        q[left], ok[left] = body.solve_many(xyz[left], rotations[left], seeds)
    return q, ok


def _body(spec: RobotSpec) -> tuple[Kinematics, int]:
    """A holonomic base's places are chosen; another slides along its heading as the arm needs it, unless that is the
    arm's first joint already."""
    if not spec.slides and spec.base is not None and spec.base.drive is Drive.DIFFERENTIAL:
        return whole_body(spec, ("x",)), 1
    return kinematics(spec), 0


def _split(places: Float, q: Float, base_dof: int) -> tuple[Float, Float]:
    if base_dof == 0:
        return places, q
    moved = [flat(stand(place) @ Pose.from_xyz_yaw([one[0], 0.0, 0.0])) for place, one in zip(places, q, strict=True)]
    return np.array(moved), q[:, base_dof:]


def _slides(spec: RobotSpec) -> bool:
    """Whether its base only goes along its own heading."""
    return not spec.slides and spec.base is not None and spec.base.drive is Drive.DIFFERENTIAL


def _spare(body: Kinematics, q: Float, base_dof: int) -> NDArray[np.bool_]:
    """bool[N]: configurations [N,J] with all joints off their limits; those that slide or hardly move may be at
    them. So may a wrist that turns apart from the arm."""
    if body.spec.slides:
        return np.ones(len(q), dtype=np.bool_)
    gap = np.minimum(q - body.q_lower_rad, body.q_upper_rad - q)[:, base_dof:]
    turning = body.spec.q_upper_rad - body.spec.q_lower_rad > 1.2
    return np.asarray((gap[:, turning] > SPARE_RAD).all(axis=1))


def _dense(spec: RobotSpec, task: Task, places: Float, first: Float, turn: _HandTurn) -> Track | None:
    """The track at SAMPLES amounts, with its approach and retreat."""
    arm = kinematics(spec)
    amounts = np.linspace(task.start, task.end, task.samples)
    coarse, finer = np.linspace(0, 1, len(places)), np.linspace(0, 1, task.samples)
    unwrapped = np.column_stack([places[:, :2], np.unwrap(places[:, 2])])
    fine = np.column_stack([np.interp(finer, coarse, column) for column in unwrapped.T])
    tools = [_tool(task, a, *turn) for a in amounts]
    q, out = first, []
    for tool, place in zip(tools, fine, strict=True):
        found = arm.solve(stand(place).inverse() @ tool, q)
        if not found.converged:
            return None
        q = found.q
        out.append(q)
    back = Pose.from_xyz_yaw([0.0, 0.0, -task.back_m])
    ends = []
    for index in (0, -1):
        found = arm.solve(stand(fine[index]).inverse() @ tools[index] @ back, out[index])
        if not found.converged:
            return None
        ends.append(found.q)
    return Track(amounts=amounts, tools=tuple(tools), places=fine, q=np.array(out), before=ends[0], after=ends[1])


def _scene(task: Task) -> Scene:
    """What does not move, around the bar."""
    middle = task.path(task.start).xyz
    low, high = np.array([*(middle[:2] - NEAR_M), -0.05]), np.array([*(middle[:2] + NEAR_M), 2.3])
    near = []
    for solid in task.others:
        away = solid.pose.inverse().apply(middle)
        if float(np.linalg.norm(np.maximum(np.abs(away) - solid.half_m, 0.0))) < NEAR_M:
            near.append(Box(pose=solid.pose, half_m=np.maximum(solid.half_m, 0.004), name=solid.name))
    return Scene(near, lower_m=low, upper_m=high, cell_m=0.05)


def _carried(parts: Sequence[Solid], motion: Pose) -> list[Solid]:
    return [Solid(name=s.name, pose=motion @ s.pose, half_m=s.half_m, part=s.part) for s in parts]


class Boxes:
    """Boxes that distances are asked of."""

    def __init__(self, solids: Sequence[Solid]) -> None:
        self._rotation = np.array([s.pose.rotation for s in solids]).reshape(-1, 3, 3)
        self._xyz = np.array([s.pose.xyz for s in solids]).reshape(-1, 3)
        self._half = np.array([s.half_m for s in solids]).reshape(-1, 3)

    def distance(self, points: Float) -> Float:
        """float64[S] m from points [S,3] to the nearest box; below 0 inside; infinite without boxes."""
        if len(self._xyz) == 0:
            return np.full(len(points), np.inf)
        local = np.einsum("bij,sbi->sbj", self._rotation, points[:, None] - self._xyz)
        beyond = np.abs(local) - self._half
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1) + np.minimum(beyond.max(axis=-1), 0.0)
        return np.asarray(outside.min(axis=1))


class _Shape:
    """The balls of a robot: of its base and what stands on it, of its arm and of its hand."""

    def __init__(self, spec: RobotSpec, hand_margin_m: float) -> None:
        self._hand_margin_m = hand_margin_m
        one = robot_shape(spec, Pose.identity(), width_m=0.05)
        self._one = one
        self._radii = one.radii_m
        # A base that goes along with the arm is its first moving frame.
        self._anchored = np.array([part.anchored or (spec.slides and part.frame == 1) for part in one.parts])
        self._slides = spec.slides
        self._hand = np.array([part.frame == -1 for part in one.parts])
        centres = one.centres(spec.home_q_rad[None])[0]
        self._hand_balls = np.array([part.centre_m for part in one.parts if part.frame == -1])
        self._hand_radii = self._radii[self._hand]
        self._folded, self._base = centres, centres[self._anchored]
        self._base_radii = self._radii[self._anchored]

    def hand_clear(self, tool: Pose, boxes: Scene) -> bool:
        """Whether the hand alone keeps clear of what does not move."""
        return float((boxes.distance(tool.apply(self._hand_balls)) - self._hand_radii).min()) >= self._hand_margin_m

    def places_clear(self, places: Float, boxes: Scene, moved: Sequence[Boxes]) -> bool:
        """Whether the base keeps clear at each of `places` [N,3], of what moves along as well; at the first and the
        last
        with the arm folded."""
        last: Float | None = None
        for i, (place, part) in enumerate(zip(places, moved, strict=True)):
            folded = i in (0, len(places) - 1)
            if self._slides and not folded:
                continue  # where it is then follows from the arm's first joint
            points = stand(place).apply(self._folded if folded else self._base)
            radii = self._radii if folded else self._base_radii
            if folded or last is None or float(np.abs(place - last).max()) > 1e-9:
                if float((boxes.distance(points) - radii).min()) < BASE_MARGIN_M:
                    return False
                last = place
            if float((part.distance(points) - radii).min()) < BASE_MARGIN_M:
                return False
        return True

    def arm_clear(self, place: Float, q: Float, boxes: Scene, part: Boxes, *, hand_m: float | None = None) -> bool:
        """Whether the arm keeps clear; of the moving part its hand by hand_m, or not at all."""
        local = self._one.centres(q[None])[0]
        points = stand(place).apply(local)
        arm = ~self._anchored | self._slides
        margin = np.where(self._hand, self._hand_margin_m, ARM_MARGIN_M)[arm]
        if float((boxes.distance(points[arm]) - self._radii[arm] - margin).min()) < 0.0:
            return False
        checked = arm & ~self._hand if hand_m is None else arm
        need = np.where(self._hand, hand_m or 0.0, PART_MARGIN_M)[checked]
        if float((part.distance(points[checked]) - self._radii[checked] - need).min()) < 0.0:
            return False
        i, j = self._one.pairs[:, 0], self._one.pairs[:, 1]
        apart = np.linalg.norm(local[i] - local[j], axis=1) - self._radii[i] - self._radii[j]
        return bool(len(apart) == 0 or apart.min() > SELF_M)
