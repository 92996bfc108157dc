"""How clear the robot is of itself, of the floor and of what it was told stands around it: balls against all three.

What is looked at where, and why the hand may touch:
- links against links: every ball, the hand's too. Nothing that a robot is asked to do needs it to touch itself.
- floor: every ball of the arm but the hand's. Grasping from a table or the floor brings the hand within millimetres of
  it, where balls are too coarse; the limits keep the hand's own corners above `spec.floor_m` (robots.limits).
- obstacles: base, mast, and arm up to the wrist. The hand (what moves with the tool, and the last link before it) is
  left out where `config.touch` says so: to grasp, push, press, open and wipe is to touch, and how hard is for the
  primitive to feel. What a hand can do is bounded by the joints' speeds and by the fingers' force.
- what is nearer than its margin already may stay as near, but come no nearer: a robot starts folded up, or beside a
  wall, or finds that it stands 2 cm from where it believed. So a robot that is held can always be led away.

Shape letters: T configurations, J joints, S balls, P pairs of balls, C clearances.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.kinematics import kinematics
from robots.mobile.shapes import APART, robot_parts
from robots.planning.bodies import FINGER_RADIUS_M, panda_parts
from robots.planning.obstacles import Obstacle
from robots.planning.scene import Scene
from robots.planning.shape import Part, RobotShape, mounted
from robots.safety.config import SafetyConfig
from robots.safety.reasons import Reason
from robots.spec import RobotSpec

Float = NDArray[np.float64]

HOME_SLACK_M = 0.004
"""Balls of links that overlap at home, where nothing touches, may overlap by so much more."""
ROUNDING_M = 1e-7
NEVER_M, SAMPLES = 0.25, 1500
"""What is further apart in all of so many random configurations is taken never to meet. With 0.02 m the hand met
mobile_panda's deck and mast in one of a thousand configurations: just the rare pairs had been left out."""
FILLINGS: dict[str, tuple[Part, ...]] = {
    "mobile_panda": (
        *(
            Part(frame=0, centre_m=(x, y, 0.21), radius_m=0.08, anchored=True)
            for x, y in ((0.0, 0.0), (0.07, 0.0), (0.0, 0.08), (0.0, -0.08), (0.09, 0.09), (0.09, -0.09), (-0.09, 0.09))
        ),
        # The deck's upper edge.
        *(
            Part(frame=0, centre_m=(0.24 * np.cos(a), 0.24 * np.sin(a), 0.215), radius_m=0.08, anchored=True)
            for a in np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
        ),
        *(Part(frame=-1, centre_m=(0.0, y, 0.0), radius_m=0.016) for y in (-0.047, 0.047)),
    ),
    "stretch": (
        *(Part(frame=-1, centre_m=(0.0, y, -0.128), radius_m=0.021) for y in (-0.085, 0.085)),
        *(Part(frame=-1, centre_m=(0.075, y, -0.178), radius_m=0.023) for y in (-0.025, 0.0, 0.025)),
        # The base's front edge, where fingers reach down before it.
        *(
            Part(frame=0, centre_m=(0.005, y, 0.105), radius_m=0.072, anchored=True)
            for y in (-0.125, -0.07, 0.07, 0.13)
        ),
        # Between the tube and the block at its end, which the physics takes for one convex body.
        *(
            Part(frame=5, centre_m=(x, 0.0, z), radius_m=0.031)
            for x, z in ((0.04, -0.04), (0.075, -0.04), (0.04, -0.08), (0.07, -0.075), (0.08, 0.0), (0.03, -0.12))
        ),
    ),
    "tiago_pro": (
        *(Part(frame=-1, centre_m=(0.0, y, 0.012), radius_m=0.018) for y in (-0.043, 0.043)),
        *(
            Part(frame=0, centre_m=(x, y, z), radius_m=0.10, anchored=True)
            for x in (-0.14, 0.04)
            for y in (-0.09, 0.09)
            for z in (0.33, 0.43, 0.53)
        ),
        *(Part(frame=0, centre_m=(0.14, y, 0.30), radius_m=0.10, anchored=True) for y in (-0.12, -0.04, 0.04, 0.12)),
        Part(frame=1, centre_m=(0.05, 0.0, 0.22), radius_m=0.19),  # the head, wherever it looks
    ),
}
"""What a planner's balls leave open because its goals never lead there, found by sampling against the meshes."""
INSIDE: dict[str, tuple[set[int], ...]] = {
    "panda": ({5, 7},),
    "stretch": ({1, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 7}, {0, 2}, {0, 3}, {0, 4}, {0, 5}),
}
"""Frames whose balls overlap where nothing touches, besides `robots.mobile.shapes.APART`: the Panda's flange meets its
forearm only where its hand does, too (over a grid of the last two joints); a telescope's segments slide in its lift,
the wrist's yaw and the arm never meet lift or base within their ranges (1,500 configurations against the meshes)."""


class Clearances:
    """The clearances of one robot, below 0 where something would be nearer than its margin."""

    def __init__(self, spec: RobotSpec, config: SafetyConfig) -> None:
        self.shape = body(spec)
        self._config = config
        parts = self.shape.parts
        last = len(kinematics(spec).links)
        anchored = np.array([p.anchored for p in parts])
        hand = np.array([p.frame in (-1, last) for p in parts])
        self._low = np.nonzero(~anchored & ~hand)[0]
        """The balls that are kept off the floor."""
        # What is bolted down where it stands touches what it is bolted to.
        met = ~(hand & config.touch) if spec.base is not None else ~anchored & ~(hand & config.touch)
        self._met = np.nonzero(met)[0]
        self._radii = self.shape.radii_m
        self._i, self._j = self.shape.pairs.T
        self._sum = self._radii[self._i] + self._radii[self._j]
        at_home = self._apart(spec.home_q_rad[None])[0][0]
        self._self_need = np.minimum(config.self_margin_m, at_home - HOME_SLACK_M)
        self._margin_m = config.margin_m
        self._scene: Scene | None = None

    def surround(self, obstacles: Sequence[Obstacle], *, lower_m: Float, upper_m: Float, margin_m: float) -> None:
        """What stands around from now on, in the world, within a box float64[3] m, and how far to keep from it."""
        self._margin_m = margin_m
        self._scene = Scene(obstacles, lower_m=lower_m, upper_m=upper_m, cell_m=0.04) if len(obstacles) else None

    @property
    def surrounded(self) -> bool:
        """Whether anything is known to stand around."""
        return self._scene is not None

    def least(self, arm_q: Float, world_T_base: Sequence[Pose] | None) -> tuple[float, Reason, str]:
        """The least clearance beyond what is needed on a way, arm_q [T,J] with the base there (None: at the world's
        origin), in metres, and of what. The first row is where the robot is: what is nearer there than its margin needs
        to come no nearer."""
        apart, centres = self._apart(arm_q)
        low = centres[:, self._low, 2] - self._radii[self._low]
        rows = [apart, low]
        if self._scene is not None:
            met = centres[:, self._met]
            if world_T_base is not None:
                turned = np.stack([pose.rotation for pose in world_T_base])
                met = met @ turned.transpose(0, 2, 1) + np.stack([pose.xyz for pose in world_T_base])[:, None]
            enough = np.tile(self._radii[self._met] + max(self._margin_m, 0.0) + 0.02, len(met))
            rows.append(self._scene.distance(met.reshape(-1, 3), enough).reshape(len(met), -1) - self._radii[self._met])
        clear = np.concatenate(rows, axis=1)
        if clear.shape[1] == 0:
            return np.inf, Reason.COLLISION, ""
        need = np.minimum(self._usual(clear.shape[1]), clear[0] - ROUNDING_M)
        beyond = (clear[1:] - need).min(axis=0)
        worst = int(beyond.argmin())
        return float(beyond[worst]), *self._named(worst)

    def near(self, world_T_base: Pose) -> float:
        """Metres from the base and what stands on it to the nearest obstacle; as far as the scene looks, at most."""
        if self._scene is None:
            return np.inf
        anchored = [k for k, part in enumerate(self.shape.parts) if part.anchored]
        centres = np.array([self.shape.parts[k].centre_m for k in anchored])
        return float((self._scene.distance(world_T_base.apply(centres)) - self._radii[anchored]).min())

    def _usual(self, count: int) -> Float:
        floor = np.full(len(self._low), self._config.floor_margin_m)
        rest = np.full(count - len(floor) - len(self._self_need), self._margin_m)
        return np.concatenate([self._self_need, floor, rest])

    def _apart(self, arm_q: Float) -> tuple[Float, Float]:
        """float64[T,P] m between the balls of each pair, and the centres float64[T,S,3] m in the base's frame."""
        centres = self.shape.centres(arm_q)
        between = centres[:, self._i] - centres[:, self._j]
        return np.sqrt(np.einsum("npd,npd->np", between, between)) - self._sum, centres

    def _named(self, worst: int) -> tuple[Reason, str]:
        parts, pairs = self.shape.parts, len(self._i)
        if worst < pairs:
            one, other = parts[self._i[worst]].frame, parts[self._j[worst]].frame
            return Reason.SELF_COLLISION, f"links {one} and {other}"
        worst -= pairs
        if worst < len(self._low):
            return Reason.FLOOR, f"link {parts[self._low[worst]].frame}"
        return Reason.COLLISION, f"link {parts[self._met[worst - len(self._low)]].frame}"


@cache
def body(spec: RobotSpec) -> RobotShape:
    """The robot's balls and every pair of them that could ever meet, in its base's frame."""
    # Fingers may be anywhere between shut and open.
    open_, shut = _parts(spec, spec.gripper_max_width_m), _parts(spec, 0.0)
    filled = FILLINGS.get(spec.name, ())
    parts = (*open_, *(p for p in shut if p.frame == -1 and p not in open_), *filled)
    shape = RobotShape(mounted(kinematics(spec), Pose.identity()), parts)
    frame = np.array([p.frame for p in parts])
    # The hand is screwed to the last link.
    joint = np.where(frame < 0, frame.max(), frame)
    i, j = np.nonzero(np.triu(np.abs(joint[:, None] - joint[None, :]) >= 2, k=1))
    never = (*APART.get(spec.name, ()), *INSIDE.get(spec.name, ()))
    far = [{int(frame[a]), int(frame[b])} not in never for a, b in zip(i, j, strict=True)]
    i, j = i[far], j[far]
    # What was added to the arm is in the way of the hand that folds back onto it, not of what planners keep it from.
    added = np.arange(len(parts)) >= len(parts) - len(filled)
    slim = added & (frame > 1) & (frame < frame.max())
    hand = joint == joint.max()
    fits = (~slim[i] | hand[j]) & (~slim[j] | hand[i])
    i, j = i[fits], j[fits]
    # What never comes near another, in so many configurations, needs no looking at.
    samples = np.random.default_rng(0).uniform(spec.q_lower_rad, spec.q_upper_rad, (SAMPLES, spec.dof))
    least = np.full(len(i), np.inf)
    for some in np.array_split(np.concatenate([samples, spec.home_q_rad[None]]), 50):
        centres = shape.centres(some)
        gap = np.linalg.norm(centres[:, i] - centres[:, j], axis=2).min(axis=0)
        least = np.minimum(least, gap - shape.radii_m[i] - shape.radii_m[j])
    meet = least < NEVER_M
    pairs = np.stack([i[meet], j[meet]], axis=1).astype(np.int64)
    return RobotShape(shape.frames, parts, pairs=pairs)


def _parts(spec: RobotSpec, width_m: float) -> tuple[Part, ...]:
    if spec.base is not None:
        return robot_parts(spec, width_m)
    if spec.name == "panda":
        return panda_parts(spec, width_m=width_m)
    # An arm on a fixed base whose balls nobody has measured: its limits are kept, its links are not known.
    return (Part(frame=-1, centre_m=(0.0, 0.0, 0.0), radius_m=FINGER_RADIUS_M),)
