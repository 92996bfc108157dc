"""Ways to take hold of any thing, from its shape alone: from above by what stands out of the relief, or from the side.

From above: between two drops of the relief that face each other no further apart than the fingers open, with room for
a finger at either side. The search knows no kinds of things: it finds the middle of a can, the cap of a bottle, the
rim of a bowl or plate, the handle of a pan or spoon, because all of them are walls with air on both sides.
From the side: the hand level, across the thing at some height, from any direction that is free.
Shape letters: C places, A angles, R rows across a finger, V steps along the opening.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.relief import Relief
from robots.mobile.things import Thing
from robots.planning.motion import pointing_down
from robots.spec import RobotSpec

Float = NDArray[np.float64]

STEP_M = 0.002
ANGLES = 16
PLACES = 220
DEPTHS_M = (0.040, 0.030, 0.020, 0.013, 0.009, 0.006)
"""How far below the top of what is between them the finger tips may go."""
ROOM_M = (0.010, 0.006, 0.0035)
"""Between each finger and the thing before it closes: as much of this as there is room for."""
OVER_M = 0.003
"""The finger tips stay this far above what is below them."""
PALM_M = 0.005
UNEVEN_M = 0.007
"""The edges that the fingers close on may differ by so much across a finger."""
SHALLOW_M = 0.0045
"""Fingers that reach less deep beside what they take slip off."""
SLOPE_M = 0.010
LEAST_IN_M = 0.010
"""The tool point is at least so far behind the front of what is taken from the side."""
UNSEEN_IN_M = 0.022
ROOMY_M = 0.4
KEPT, TRIED = 40, 500
NECK_SHARE, NECK_WIDTH, TALL_M = 0.66, 0.75, 0.15
"""What is so tall is not held above that share of its height where it is thinner than that share of itself."""
LEANS_RAD, LEAN_COST, LOW_TIP_M = (0.785, 0.52), 1.0, 0.03
"""How far a hand leans that takes from above what it then puts under something; high up it needs much room above."""
SIDE_BAND_M = 0.012
SIDE_LOW_M, SIDE_LOWER_M = 0.055, 0.045
"""A level hand's middle keeps the first above the support; one that points downwards steeply may be lower."""
PITCHES_RAD = (0.0, 0.35, 0.65)
"""How far a hand that comes from the side points downwards: between boards arms reach better from a little above."""
OPEN_COST = 0.06
"""Where there is room above, a thing is taken from there unless the side is better by this."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GraspPlan:
    """tool: odom_T_tool with the fingers around the thing. open_m, width_m: between the fingers before and, as
    expected, after closing. back_m: how far back along the tool's z the straight approach begins. level: from the side,
    the hand pointing pitch_rad downwards.

    cost: lower is better, about metres of lever.
    """

    tool: Pose
    open_m: float
    width_m: float
    back_m: float
    level: bool
    cost: float
    pitch_rad: float = 0.0

    @property
    def start(self) -> Pose:
        """odom_T_tool where the straight approach begins."""
        return self.tool @ Pose.from_xyz_yaw([0.0, 0.0, -self.back_m])


def from_above(spec: RobotSpec, thing: Thing, relief: Relief) -> list[GraspPlan]:
    """Best first. relief: of everything around, the thing included."""
    places = _places(thing)
    angles = np.pi * np.arange(ANGLES) / ANGLES + thing.yaw_rad
    if len(places) == 0:
        return []
    most = spec.gripper_max_width_m
    v = np.arange(-(most + 0.02), most + 0.02 + STEP_M / 2, STEP_M)
    u = np.linspace(-spec.finger_breadth_m / 2, spec.finger_breadth_m / 2, 5)
    heights = _profiles(relief, places, angles, u, v)
    middle = len(v) // 2
    tops = heights[..., middle - 2 : middle + 3].max(axis=(2, 3))
    centroid = 0.3 * np.median(thing.points[:, :2], axis=0) + 0.7 * thing.centre
    ranked: list[tuple[float, float, float, float, Float]] = []
    for depth in DEPTHS_M:
        tips = np.maximum(tops - depth, thing.support_m + OVER_M)
        ranked += _between(spec, places, angles, heights, tops, tips, centroid)
    ranked.sort(key=lambda one: one[0])
    kept: list[GraspPlan] = []
    for cost, yaw, width, tip, xy in ranked[:TRIED]:
        tool = pointing_down(np.array([*xy, tip + spec.fingertip_m]), yaw)
        if len(kept) == KEPT or _known(tool, kept):
            continue
        opening = _room(spec, relief, xy, yaw, width, tip)
        if opening is not None:
            tight = 0.01 if opening - width < 0.012 else 0.0
            back = float(np.clip(thing.top_m + 0.03 - tool.xyz[2], 0.10, 0.16))
            kept.append(
                GraspPlan(tool=tool, open_m=opening, width_m=width, back_m=back, level=False, cost=cost + tight)
            )
    return sorted(kept, key=lambda plan: plan.cost)


def _places(thing: Thing) -> Float:
    """float64[C,2]: the middles of 6 mm cells where the thing was seen, at most PLACES, spread evenly."""
    cells = np.unique(np.floor(thing.points[:, :2] / 0.006).astype(np.int64), axis=0)
    step = max(1, int(np.ceil(len(cells) / PLACES)))
    return np.asarray((cells[::step] + 0.5) * 0.006)


def _profiles(relief: Relief, places: Float, angles: Float, u: Float, v: Float) -> Float:
    """float64[C,A,R,V]: heights along the opening of the fingers, row by row across them."""
    c, s = np.cos(angles), np.sin(angles)
    # The tool's x and, when it points down, y.
    x = np.stack([c, s], axis=1)
    y = np.stack([s, -c], axis=1)
    offset = u[None, :, None, None] * x[:, None, None, :] + v[None, None, :, None] * y[:, None, None, :]
    return relief.at(places[:, None, None, None, :] + offset[None])


def _between(
    spec: RobotSpec, places: Float, angles: Float, heights: Float, tops: Float, tips: Float, centroid: Float
) -> list[tuple[float, float, float, float, Float]]:
    """(cost, yaw, width, height of the tips, place [2]) of grasps with the finger tips at `tips` [C,A]."""
    left, right, rows, uneven, bounded = _runs(heights, tips)
    higher = _runs(heights, np.minimum(tips + SLOPE_M, tops - 0.001))
    width = (right + left - 1) * STEP_M + 0.0005
    # Faces that lean outwards below slip out upwards: the upper half of an apple.
    lean = (right + left - higher[0] - higher[1]) * STEP_M / 2 / SLOPE_M
    good = (rows >= 3) & bounded & (uneven <= UNEVEN_M) & (lean < 0.8)
    good &= (width <= spec.gripper_max_width_m - 2 * ROOM_M[-1]) & (tops - tips >= SHALLOW_M)
    i, j = np.nonzero(good)
    yaw = angles[j]
    shift = (right - left)[i, j] * STEP_M / 2
    xy = places[i] + shift[:, None] * np.stack([np.sin(yaw), -np.cos(yaw)], axis=1)
    # A pad that is covered by less than half holds badly; on a long lever heavy things turn.
    deep = (tops - tips)[i, j]
    cost = np.linalg.norm(xy - centroid, axis=1) + 1.2 * np.maximum(0.0, 0.028 - deep) + 2.0 * uneven[i, j]
    cost += 0.15 * width[i, j] + 0.004 * (5 - rows[i, j]) + 0.1 * np.maximum(lean[i, j] - 0.15, 0.0)
    best = np.argsort(cost)[:TRIED]
    return [(float(cost[k]), float(yaw[k]), float(width[i[k], j[k]]), float(tips[i[k], j[k]]), xy[k]) for k in best]


def _runs(heights: Float, tips: Float) -> tuple[Float, Float, Float, Float, NDArray[np.bool_]]:
    """What stands out above `tips` [C,A] around the middle of profiles [C,A,R,V]: how many steps to the left and right
    of it until the first gap, in how many rows, by how much (m) the edges of rows differ; whether there are gaps."""
    full = heights > tips[..., None, None] + 0.0005
    middle = full.shape[-1] // 2
    right, left = np.argmin(full[..., middle:], axis=-1), np.argmin(full[..., middle::-1], axis=-1)
    solid = full[..., middle]
    endless = full[..., middle:].all(axis=-1) | full[..., middle::-1].all(axis=-1)
    far_right, far_left = np.where(solid, right, 0).max(axis=-1), np.where(solid, left, 0).max(axis=-1)
    near_right, near_left = np.where(solid, right, 10**6).min(axis=-1), np.where(solid, left, 10**6).min(axis=-1)
    uneven = np.maximum(far_right - near_right, far_left - near_left) * STEP_M
    bounded: NDArray[np.bool_] = ~np.any(endless & solid, axis=-1)
    return far_left, far_right, solid.sum(axis=-1), uneven, bounded


def _room(spec: RobotSpec, relief: Relief, xy: Float, yaw: float, width: float, tip: float) -> float | None:
    """How far the fingers open over xy with their tips at height `tip` without standing in anything; None: no room."""
    palm = relief.highest(xy, yaw, spec.palm_half_m)
    if palm > tip + spec.finger_depth_m - PALM_M:
        return None
    across = np.array([np.sin(yaw), -np.cos(yaw)])
    most = (spec.gripper_max_width_m - width) / 2
    for room in (min(room, most) for room in ROOM_M):
        if room < ROOM_M[-1]:
            continue
        away = width / 2 + room + spec.finger_thickness_m / 2
        half = (spec.finger_breadth_m / 2, spec.finger_thickness_m / 2 + min(room, 0.004) / 2)
        both = [relief.highest(xy + side * away * across, yaw, half) for side in (-1, 1)]
        if max(both) < tip - 0.001:
            return width + 2 * room
    return None


def leant(spec: RobotSpec, plan: GraspPlan, relief: Relief, away: Float) -> GraspPlan | None:
    """A grasp from above with the hand leant back about the opening of its fingers, so that it comes aslant along
    `away` [2], by the most of LEANS_RAD for which the palm meets nothing; None where there is none."""
    found = (_leant(spec, plan, relief, away, lean) for lean in LEANS_RAD)
    return next((one for one in found if one is not None), None)


def _leant(spec: RobotSpec, plan: GraspPlan, relief: Relief, away: Float, lean: float) -> GraspPlan | None:
    heading = plan.tool.rotation[:2, 0] / max(float(np.linalg.norm(plan.tool.rotation[:2, 0])), 1e-9)
    ahead = heading if float(heading @ away) >= 0 else -heading
    c, s = np.cos(lean), np.sin(lean)
    z = np.array([*(s * ahead), -c])
    # The breadth of a finger's tip leans with it.
    tip = plan.tool.xyz - [0.0, 0.0, spec.fingertip_m - s * spec.finger_breadth_m / 2]
    if tip[2] - s * spec.finger_breadth_m / 2 < relief.support_m + OVER_M:
        tip[2] = relief.support_m + OVER_M + s * spec.finger_breadth_m / 2
    yaw = float(np.arctan2(ahead[1], ahead[0]))
    # The palm's lowest edge; before it its face rises, behind it the hand.
    edge = s * spec.finger_depth_m + c * spec.palm_half_m[0]
    low = c * spec.finger_depth_m - s * spec.palm_half_m[0] - PALM_M
    for back in np.arange(0.02, 0.14, 0.01):
        room = tip[2] + low + (float(back - edge) * c / s if back > edge else float(edge - back) * s / c)
        if relief.highest(tip[:2] - back * ahead, yaw, (0.005, spec.palm_half_m[1])) > room:
            return None
    tool = level_pose(tip - spec.fingertip_m * z, yaw, np.pi / 2 - lean)
    aside = abs(float(ahead @ np.array([-away[1], away[0]]))) / max(float(np.linalg.norm(away)), 1e-9)
    return replace(
        plan,
        tool=tool,
        level=True,
        pitch_rad=np.pi / 2 - lean,
        back_m=max(plan.back_m, 0.10),
        cost=plan.cost + 0.03 * aside + LEAN_COST * max(0.0, float(tip[2]) - relief.support_m - LOW_TIP_M),
    )


def from_side(
    spec: RobotSpec, thing: Thing, eye: Float, *, others: Float, headroom_m: float = np.inf
) -> list[GraspPlan]:
    """Best first. eye: float64[2], from where it was seen: its outline is known best across that.

    others: points [N,3] near by that are not the thing's. headroom_m: the free height above what it stands on."""
    ahead = thing.centre - eye
    straight = float(np.arctan2(ahead[1], ahead[0]))
    faces = [(thing.yaw_rad + k * np.pi / 2 - straight + np.pi) % (2 * np.pi) - np.pi for k in range(4)]
    turns = [*np.radians([0, 15, -15, 30, -30, 45, -45, 60, -60, 75, -75]), *(t for t in faces if abs(t) < 1.5)]
    out: list[GraspPlan] = []
    near = others[np.abs(others[:, :2] - thing.centre).max(axis=1) < 0.45] if len(others) else others
    near = near[near[:, 2] > thing.support_m + OVER_M]
    for share, pitch in ((s, p) for p in PITCHES_RAD for s in (0.6, 0.45, 0.75, 0.3, 0.9)):
        low = max(0.017, SIDE_LOW_M * np.cos(pitch) - SIDE_LOWER_M * np.sin(pitch))
        z = thing.support_m + max(low, share * thing.height_m)
        if z > thing.top_m - (0.012 if pitch == 0.0 else 0.006) or z - thing.support_m > headroom_m - 0.05:
            continue
        # What is above goes between the fingers too; and of what is below only the front is seen.
        upper = thing.points[thing.points[:, 2] > z - SIDE_BAND_M, :2]
        for turn in turns if len(upper) >= 8 else ():
            plan = _level(spec, thing, upper, z, straight + float(turn), pitch, near)
            if plan is not None and not _neck(thing, plan.width_m, z):
                off = abs(z - thing.support_m - 0.55 * thing.height_m)
                cost = 0.02 + 0.03 * abs(float(turn)) + 0.2 * off + plan.cost + 0.01 * pitch
                cost += OPEN_COST if headroom_m > ROOMY_M else 0.0
                out.append(replace(plan, cost=cost))
    out.sort(key=lambda plan: plan.cost)
    return _apart(out)


def _neck(thing: Thing, width_m: float, z: float) -> bool:
    """Whether a tall thing would be held at its thin end above: from there it swings, and slides out."""
    high = z - thing.support_m > NECK_SHARE * thing.height_m
    return high and thing.height_m > TALL_M and width_m < NECK_WIDTH * 2 * min(thing.half_m)


def _level(
    spec: RobotSpec, thing: Thing, upper: Float, z: float, azimuth: float, pitch: float, others: Float
) -> GraspPlan | None:
    low, high = _across(upper, azimuth)
    ball = circle(upper)
    if ball is not None:
        aside = float(ball[0] @ np.array([-np.sin(azimuth), np.cos(azimuth)]))
        low, high = aside - ball[1], aside + ball[1]
    width, middle = high - low + 0.002, (high + low) / 2
    most = spec.gripper_max_width_m
    if width > most - 2 * ROOM_M[-1] or width < 0.004:
        return None
    # Flat faces that stand oblique to the fingers would be turned by them.
    turned = [_across(upper, azimuth + d) for d in (-0.17, 0.17)]
    oblique = 0.0 if ball is not None else max(0.0, width - 0.002 - min(b - a for a, b in turned))
    into, across = np.array([np.cos(azimuth), np.sin(azimuth)]), np.array([-np.sin(azimuth), np.cos(azimuth)])
    along = upper @ into
    front = float(np.quantile(along, 0.02))
    deep = 2 * ball[1] if ball is not None else float(np.quantile(along, 0.98)) - front
    # Of what is round only the front is seen: it is taken for nearly as deep as it is wide.
    inside = max(0.5 * deep, 0.012, min(0.4 * width, UNSEEN_IN_M))
    tip = front + min(spec.finger_depth_m - 0.010, inside + spec.fingertip_m)
    opening = min(width + 0.020, most)
    xy = (tip - spec.fingertip_m) * into + middle * across
    tool = level_pose(np.array([*xy, z]), azimuth, pitch)
    if pitch > 0.0:
        # What is above the fingers must not meet the palm: the hand stays further out.
        x, y, back = np.moveaxis(tool.inverse().apply(thing.points), -1, 0)
        over = (np.abs(x) < spec.palm_half_m[0]) & (np.abs(y) < spec.palm_half_m[1])
        meets = float((-back[over]).max(initial=0.0)) - (spec.finger_depth_m - spec.fingertip_m - PALM_M)
        out = max(0.0, meets)
        if (tip - spec.fingertip_m - front) - out * np.cos(pitch) < LEAST_IN_M:
            return None
        tool = tool @ Pose.from_xyz_yaw([0.0, 0.0, -out])
        low = spec.fingertip_m * np.sin(pitch) + spec.finger_breadth_m / 2 * np.cos(pitch)
        if tool.xyz[2] - low < thing.support_m + OVER_M or tool.xyz[2] > thing.top_m - 0.004:
            return None
    if len(others):
        # Where the fingers and the hand will be, and the way there.
        x, y, ahead = np.moveaxis(tool.inverse().apply(others), -1, 0)
        a, high_m, b = ahead - spec.fingertip_m, np.abs(x), np.abs(y)
        outer = opening / 2 + spec.finger_thickness_m + 0.004
        low_m = spec.palm_half_m[0] if spec.palm_low_m is None else spec.palm_low_m
        fingers = (a > -0.12) & (a < 0.002) & (b < outer) & (high_m < spec.finger_breadth_m / 2 + 0.006)
        palm = (a > -0.25) & (a < -spec.finger_depth_m) & (b < spec.palm_half_m[1])
        palm &= (x < spec.palm_half_m[0] + 0.01) & (x > -low_m - 0.01)
        if int((fingers | palm).sum()) > 2:
            return None
    cost = 0.15 * width + 2.0 * oblique
    return GraspPlan(tool=tool, open_m=opening, width_m=width, back_m=0.10, level=True, cost=cost, pitch_rad=pitch)


def circle(xy: Float) -> tuple[Float, float] | None:
    """Middle float64[2] and radius of the circle that a round thing's outline [N,2] lies on, seen from one side or all
    around; None where it is not round. Least squares (Kasa 1976) over the outermost points of 24 directions."""
    start = xy.mean(axis=0)
    for _ in range(3):
        away = xy - start
        sector = np.floor((np.arctan2(away[:, 1], away[:, 0]) + np.pi) / (2 * np.pi) * 24).astype(np.int64) % 24
        distance = np.linalg.norm(away, axis=1)
        order = np.lexsort([-distance, sector])
        rim = xy[order[np.unique(sector[order], return_index=True)[1]]]
        if len(rim) < 8:
            return None
        local = rim - start
        solved = np.linalg.lstsq(np.column_stack([2 * local, np.ones(len(rim))]), (local**2).sum(axis=1), rcond=None)[0]
        start = start + solved[:2]
    radius = float(np.sqrt(max(solved[2] + solved[:2] @ solved[:2], 1e-9)))
    off = np.abs(np.linalg.norm(rim - start, axis=1) - radius)
    near = float(np.linalg.norm(start - xy.mean(axis=0))) < radius
    return (start, radius) if near and float(np.quantile(off, 0.8)) < 0.0025 and 0.008 < radius < 0.15 else None


def _across(xy: Float, azimuth: float) -> tuple[float, float]:
    """From where to where points [N,2] reach, seen along `azimuth`."""
    aside = xy @ np.array([-np.sin(azimuth), np.cos(azimuth)])
    return float(np.quantile(aside, 0.01)), float(np.quantile(aside, 0.99))


def level_pose(xyz: Float, azimuth: float, pitch: float = 0.0) -> Pose:
    """A tool that points level, or `pitch` downwards, towards `azimuth`, its x on the upper side."""
    ahead, up = np.array([np.cos(azimuth), np.sin(azimuth), 0.0]), np.array([0.0, 0.0, 1.0])
    z = np.cos(pitch) * ahead - np.sin(pitch) * up
    x = np.sin(pitch) * ahead + np.cos(pitch) * up
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([x, np.cross(z, x), z])
    matrix[:3, 3] = xyz
    return Pose.from_matrix(matrix)


def turned_over(plan: GraspPlan) -> GraspPlan:
    """The same grasp with the hand the other way round."""
    half = Pose(xyz=np.zeros(3), quat_xyzw=np.array([0.0, 0.0, 1.0, 0.0]))
    return replace(plan, tool=plan.tool @ half)


def _apart(plans: list[GraspPlan]) -> list[GraspPlan]:
    """The best, without those that are nearly a better one."""
    kept: list[GraspPlan] = []
    for plan in plans:
        if len(kept) < KEPT and not _known(plan.tool, kept):
            kept.append(plan)
    return kept


def _known(tool: Pose, kept: list[GraspPlan]) -> bool:
    """Whether there is one within 8 mm and 10 degrees of it."""
    return any(
        float(np.linalg.norm(k.tool.xyz - tool.xyz)) < 0.008 and abs(float(k.tool.quat_xyzw @ tool.quat_xyzw)) > 0.996
        for k in kept
    )
