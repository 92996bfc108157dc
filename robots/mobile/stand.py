"""Where to stand: places for the base from which the arm reaches something and the head sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.kinematics import IkResult, base_T_camera, kinematics
from robots.mobile.carry import fold
from robots.mobile.clearance import AROUND_M, MAP_ERROR_M
from robots.mobile.drive import drive_to
from robots.mobile.grasps_side import PITCHES_RAD
from robots.mobile.ground import MARGIN_M, area, ground, obstacles_seen
from robots.mobile.load import load_parts
from robots.mobile.planar import believed, flat
from robots.mobile.reach import scattered
from robots.mobile.shapes import base_shape, robot_shape
from robots.mobile.sight import odom_T_world
from robots.mobile.slide import bearing
from robots.mobile.tool_poses import HALF_TURN, leaning, level_pose
from robots.places import Surface
from robots.planning.free_space import FreeSpace
from robots.planning.motion import pointing_down
from robots.planning.obstacles import Box, Obstacle
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import Body
from robots.spec import RobotSpec

Float = NDArray[np.float64]

AWAY_M = (0.48, 0.54, 0.60, 0.66, 0.72, 0.80, 0.90)
ASIDE_RAD = (0.0, 0.3, -0.3, 0.6, -0.6, 1.0, -1.0, 1.57, -1.57)
"""Bearings of the target, to the left, at which the base may stand; the last two for arms that reach sideways."""
BESIDE_RAD = (0.0, 0.15, -0.15, 0.35, -0.35)
"""For arms that go along with their base: from where the arm points."""
AROUND = 36
LOW_M, HIGH_M = 0.03, 0.18
"""Above the target the hand should reach both."""
LEANS_M = 0.08
"""A hand that leans reaches so high above the target."""
ROOM_ABOVE_M = 0.40
"""Less free height above a surface than this, and its things are taken from the side."""
STEP_M, STEP_S = 1.2, 12.0
"""How far a primitive that needs to stand elsewhere drives, and how long."""
HAND_M = 0.06
"""Above a surface the hand works at about this height, however tall things are."""
MOST = 24
SIDE_MOST, SIDE_TRIED, SIDE_WAYS, SIDE_AWAY_M = 4, 32, 4, 0.78
"""Of places for work from the side: so many are enough, so many are tried, where it is possible in so many directions
of the hand they are good, and the best distance."""
SIDE_TURNS = (0.0, 0.5, -0.5)
SIGHT_M, SIGHT_CLEAR_M = 0.03, 0.004
"""Lines of sight are looked at so closely, and keep so clear of what is in the map."""
BEARING_COST, HIDDEN_COST, FAR_COST = 0.15, 2.0, 0.2
RAIL_BEARING_COST, RAIL_FAR_COST, RAIL_NEARLY = 0.8, 2.0, 0.12
"""An arm that goes along with its base works best straight beside it, neither drawn in nor far out."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """A place of the target in the base's frame from which it can be worked at. cost: in metres of way."""

    away_m: float
    aside_rad: float
    cost: float


def stands(body: Body, target: Float, *, level: bool) -> Float:
    """float64[G,3]: x, y, yaw in the world, free and from which the arm reaches `target` [3] (world), best first.

    level: it is taken from the side (on a shelf).
    """
    spec, state = body.robot.spec, body.robot.state()
    reach = reaches(spec, round(float(target[2]) * 20) / 20, level)
    if not reach:
        return np.empty((0, 3))
    here = flat(believed(state))
    found = []
    around = [(d, np.array([np.cos(d), np.sin(d)])) for d in np.arange(AROUND) * 2 * np.pi / AROUND]
    for way in reach:
        for direction, unit in around:
            xy = target[:2] - way.away_m * unit
            yaw = (direction - way.aside_rad + np.pi) % (2 * np.pi) - np.pi
            turn = abs((yaw - here[2] + np.pi) % (2 * np.pi) - np.pi)
            way_m = xy - here[:2]
            found.append((math.sqrt(way_m.dot(way_m)) + 0.1 * turn + way.cost, xy[0], xy[1], yaw))
    x0, y0, x1, y1 = area(body)
    ranked = np.array([f for f in sorted(found) if x0 < f[1] < x1 and y0 < f[2] < y1]).reshape(-1, 4)
    if len(ranked) == 0:
        return np.empty((0, 3))
    arm_q = state.arm_q if load_parts(body) else spec.home_q_rad
    shape = base_shape(spec, arm_q, load_parts(body))
    space = FreeSpace(shape, ground(body, obstacles_seen(body)), resolution=np.full(3, 0.1), margin_m=MARGIN_M + 0.01)
    places: list[Float] = []
    for part in np.array_split(ranked, max(1, len(ranked) // 64)):
        places += [p for p, ok in zip(part, space.free(part[:, 1:]), strict=True) if ok]
        if len(places) >= (SIDE_TRIED if level else MOST):
            break
    if level:
        return _best_sideways(body, target, [p[1:] for p in places[:SIDE_TRIED]])
    if spec.slides and places:
        # The planner goes to whichever it finds first; for an arm that is bound to its base the better ones matter.
        places = [p for p in places if p[0] < places[0][0] + RAIL_NEARLY]
    return np.array(places[:MOST]).reshape(-1, 4)[:, 1:]


def _best_sideways(body: Body, target: Float, places: list[Float]) -> Float:
    """float64[G,3]: of places, the nearest first, those from which the arm works best from the side."""
    ways, scores = _Sideways(body, target), np.zeros(len(places), dtype=np.int64)
    for i, place in enumerate(places):
        scores[i] = ways(place)
        if int((scores >= SIDE_WAYS).sum()) >= SIDE_MOST:
            break
    order = np.argsort(-np.minimum(scores, SIDE_WAYS), kind="stable")[:SIDE_MOST]
    return np.array([places[i] for i in order if scores[i] > 0]).reshape(-1, 3)


class _Sideways:
    """In how many directions of the hand the arm of a robot that stands at a place (x, y, yaw) gets to a target from
    the side, clear of the map's walls and furniture; none where the head does not see it."""

    def __init__(self, body: Body, target: Float) -> None:
        self._body, self._target = body, target
        solids = () if body.map is None else body.map.solids_now(body.ajar)
        boxes: list[Obstacle] = []
        for solid in solids:
            half = np.maximum(solid.half_m - [MAP_ERROR_M, MAP_ERROR_M, 0.0], 0.004)
            off = np.maximum(np.abs(solid.pose.inverse().apply(target)) - half, 0.0)
            if float(np.linalg.norm(off)) < AROUND_M:
                boxes.append(Box(pose=solid.pose, half_m=half, name=solid.name))
        reach = np.array([AROUND_M, AROUND_M, 0.0])
        low, high = target * [1, 1, 0] - reach, target * [1, 1, 0] + reach + [0, 0, 2.1]
        self._scene = Scene(boxes, lower_m=low, upper_m=high)

    def __call__(self, place: Float) -> int:
        body, spec = self._body, self._body.robot.spec
        base = Pose.from_xyz_yaw([place[0], place[1], 0.0], float(place[2]))
        if not self._seen(base):
            return 0
        ahead = float(np.arctan2(*(self._target[:2] - place[:2])[::-1]))
        goals = [level_pose(self._target, ahead + turn, pitch) for turn in SIDE_TURNS for pitch in PITCHES_RAD]
        q, which = scattered(
            body, [g @ half for g in goals for half in (Pose.identity(), HALF_TURN)], each=1, base=base
        )
        if len(q) == 0:
            return 0
        shape = robot_shape(spec, base, width_m=spec.gripper_max_width_m)
        space = FreeSpace(shape, self._scene, resolution=np.full(spec.dof, 0.1), margin_m=0.0)
        return len(set((which[space.free(q)] // 2).tolist()))

    def _seen(self, base: Pose) -> bool:
        """Whether nothing of the map is between the head and the target: a board above it, a door."""
        spec = self._body.robot.spec
        if spec.head is None or not spec.cameras:
            return True
        eye = (base @ base_T_camera(spec, spec.cameras[0], spec.home_q_rad, spec.head.home_q_rad)).xyz
        way = self._target - eye
        far = float(np.linalg.norm(way))
        shares = np.arange(SIGHT_M, far - SIGHT_M, SIGHT_M) / far
        return bool((self._scene.distance(eye + shares[:, None] * way) > SIGHT_CLEAR_M).all())


@lru_cache(maxsize=64)
def reaches(spec: RobotSpec, height_m: float, level: bool) -> tuple[Reach, ...]:
    """Places of a target `height_m` above the floor at which the arm does its work, the best first; level: where it may
    do it, as far as one can tell without what is around."""
    out = []
    front = bearing(spec)
    for turn in ASIDE_RAD if not spec.slides else BESIDE_RAD:
        aside = front + turn
        for away in AWAY_M:
            at = np.array([away * np.cos(aside), away * np.sin(aside), height_m])
            cost = (RAIL_BEARING_COST if spec.slides else BEARING_COST) * abs(turn)
            cost += HIDDEN_COST if _hidden(spec, at) else 0.0
            if level:
                out.append(Reach(away_m=away, aside_rad=aside, cost=cost + 0.4 * abs(away - SIDE_AWAY_M)))
                continue
            ways = (_solved(spec, goals) for goals in _goals(spec, at, aside))
            solved: list[IkResult] = next((way for way in ways if way), [])
            if not solved:
                continue
            # Joints far from their ends can still turn the hand.
            span = spec.q_upper_rad - spec.q_lower_rad
            spare = min(
                float(np.minimum(s.q - spec.q_lower_rad, spec.q_upper_rad - s.q).min() / span.max()) for s in solved
            )
            far = RAIL_FAR_COST if spec.slides else FAR_COST
            cost += 0.3 * max(0.0, 0.15 - spare) + far * abs(away - 0.6)
            out.append(Reach(away_m=away, aside_rad=aside, cost=cost))
    return tuple(sorted(out, key=lambda r: r.cost))


def at_hand(at: Float, surface: Surface | None, *, level: bool) -> Float:
    """float64[3]: where the hand works for a point `at` [3]: near the surface, however high the thing is; from the side
    no lower than a hand fits."""
    if surface is None:
        return at
    hand = surface.height_m + HAND_M
    return np.array([at[0], at[1], hand if level else min(float(at[2]), hand)])


def sideways(body: Body, surface: Surface | None) -> bool:
    """Whether things on a surface are taken from the side: a board is close above, or a door stands before it."""
    if surface is None or body.map is None:
        return False
    return surface.headroom_m < ROOM_ABOVE_M or body.map.turning(surface.inside)


def _solved(spec: RobotSpec, goals: list[Pose]) -> list[IkResult]:
    """A configuration for each of base_T_tool `goals`, none where one is out of reach."""
    arm = kinematics(spec)
    solved: list[IkResult] = []
    for goal in goals:
        inside = (goal.xyz >= spec.tool_lower_m).all() and (goal.xyz <= spec.tool_upper_m).all()
        one = arm.reach(goal, solved[-1].q if solved else spec.home_q_rad) if inside else None
        if one is None or not one.converged:
            return []
        solved.append(one)
    return solved


def _goals(spec: RobotSpec, at: Float, aside: float) -> list[list[Pose]]:
    """What the hand must be able to do above a place, base_T_tool, in one way or another."""
    ways = ((HIGH_M, 0.0), (LOW_M, 0.0), (LOW_M, 1.2), (LOW_M, -1.2))
    above = [[pointing_down(at + [0.0, 0.0, z], aside + turn) for z, turn in ways]]
    if not spec.slides:
        return above
    # Higher up a hand that hangs from its lift must lean, or come level.
    front = bearing(spec)
    return above + [[leaning(at + [0.0, 0.0, z], front, tilt, 0.0) for z in (LOW_M, LEANS_M)] for tilt in (0.6, 1.0)]


def _hidden(spec: RobotSpec, at: Float) -> bool:
    """Whether the folded arm is between the head and a point [3] in the base's frame."""
    if spec.head is None or not spec.cameras:
        return False
    shape: RobotShape = robot_shape(spec, Pose.identity(), width_m=spec.gripper_max_width_m)
    moving = np.array([not part.anchored for part in shape.parts])
    head_q = spec.head.home_q_rad
    eye = base_T_camera(spec, spec.cameras[0], spec.home_q_rad, head_q).xyz
    centres, radii = shape.centres(spec.home_q_rad[None])[0][moving], shape.radii_m[moving]
    # What keeps its distance from the eye wherever the arm is, is carried by the same lift or base.
    other_q = 0.3 * spec.q_lower_rad + 0.7 * spec.q_upper_rad
    other = shape.centres(other_q[None])[0][moving] - base_T_camera(spec, spec.cameras[0], other_q, head_q).xyz
    own = np.linalg.norm(centres - eye - other, axis=1) < 1e-6
    centres, radii = centres[~own], radii[~own]
    ray = at - eye
    pan = np.arctan2(ray[1], ray[0]) + 2 * np.pi * np.arange(-1, 2)
    if not ((spec.head.q_lower_rad[0] <= pan) & (pan <= spec.head.q_upper_rad[0])).any():
        return True  # the head does not turn so far
    share = np.clip((centres - eye) @ ray / (ray @ ray), 0.0, 1.0)
    return bool((np.linalg.norm(eye + share[:, None] * ray - centres, axis=1) < radii + 0.03).any())


def step_nearer(body: Body, point: Float, *, level: bool) -> bool:
    """Drives, arm folded, to a better place for `point` [3] (odom) within STEP_M; False where there is none. Where the
    robot stands already does not count."""
    if fold(body).status is not Status.SUCCEEDED:
        return False
    observation = body.robot.observe()
    world = odom_T_world(observation.state).inverse().apply(point)
    surface = None if body.map is None else body.map.surface_at(world, ajar=body.ajar)
    world = at_hand(world, surface, level=level)
    here = flat(believed(observation.state))
    places = stands(body, world, level=level)
    away = np.linalg.norm(places[:, :2] - here[:2], axis=1)
    turned = np.abs((places[:, 2] - here[2] + np.pi) % (2 * np.pi) - np.pi)
    places = places[(away < STEP_M) & ((away > 0.06) | (turned > 0.2))]
    if len(places) == 0:
        return False
    return drive_to(body, places, deadline_s=observation.time_s + STEP_S).status is Status.SUCCEEDED
