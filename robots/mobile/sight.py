"""What the cameras see as points in the odometry's frame, without the robot itself and what it holds.

The odometry's frame is smooth and the localisation's is not, so everything within a primitive is done in `odom`: what
was seen stays where it is relative to the robot for as long as it drives little.
Shape letters: H, W rows and columns of a picture; N points; S balls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import CameraFrame, Observation, RobotState
from robots.mobile.shapes import robot_shape
from robots.planning.shape import Part
from robots.spec import RobotSpec

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

SELF_M = 0.015
"""Points so near to the robot's own balls are the robot."""


def odom_T_world(state: RobotState) -> Pose:
    """From where the robot believes to be to where its wheels say it is."""
    if state.odom_T_base is None:
        return Pose.identity()
    return state.odom_T_base @ state.world_T_base.inverse()


def odom_T_base(state: RobotState) -> Pose:
    """By the wheels; of a robot without wheels, where it stands."""
    return state.world_T_base if state.odom_T_base is None else state.odom_T_base


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A picture as points. points: float64[H,W,3] m, odom; seen: bool[H,W], a return that is not the robot's own.

    pixel_m: float64[H,W], what a pixel spans there across the view. camera: odom_T_camera.
    """

    points: Float
    seen: Mask
    pixel_m: Float
    camera: Pose

    @property
    def cloud(self) -> Float:
        """float64[N,3]: all points seen."""
        return np.asarray(self.points[self.seen])


def view(
    spec: RobotSpec, frame: CameraFrame, state: RobotState, load: tuple[Part, ...] = (), *, stride: int = 1
) -> View:
    """One picture, or every stride-th row and column of it. load: what the hand holds, as balls on the tool's frame."""
    depth = frame.depth_m[::stride, ::stride].astype(np.float64)
    rows, columns = stride * np.indices(depth.shape)
    k = frame.intrinsics
    rays = np.stack([(columns - k[0, 2]) / k[0, 0], (rows - k[1, 2]) / k[1, 1], np.ones_like(depth)], axis=-1)
    camera = odom_T_world(state) @ frame.world_T_camera
    points = camera.apply(rays * depth[..., None])
    seen = depth > 0
    seen[seen] = ~_own(spec, state, points[seen], load)
    return View(points=points, seen=seen, pixel_m=stride * depth / k[0, 0], camera=camera)


def views(spec: RobotSpec, observation: Observation, load: tuple[Part, ...] = ()) -> dict[str, View]:
    """All pictures of the robot's own cameras, by their names."""
    own = {mount.name for mount in spec.cameras}
    return {
        name: view(spec, frame, observation.state, load) for name, frame in observation.frames.items() if name in own
    }


def _own(spec: RobotSpec, state: RobotState, points: Float, load: tuple[Part, ...]) -> Mask:
    """bool[N]: points [N,3] in odom that lie on the robot or its load."""
    shape = robot_shape(spec, odom_T_base(state), width_m=state.gripper_width_m)
    if load:
        shape = shape.holding(load)
    return within(points, shape.centres(state.arm_q[None])[0], shape.radii_m + SELF_M)


def within(points: Float, centres: Float, radii: Float) -> Mask:
    """bool[N]: points [N,3] in any ball of centres [S,3] and radii [S]; in single precision, right to 0.1 mm."""
    out = np.zeros(len(points), dtype=np.bool_)
    if len(points) == 0 or len(centres) == 0:
        return out
    # Most points are far from all balls: outside the box around them.
    low, high = (centres - radii[:, None]).min(axis=0) - 1e-3, (centres + radii[:, None]).max(axis=0) + 1e-3
    near = np.ones(len(points), dtype=np.bool_)
    for axis in range(3):
        near &= (points[:, axis] > low[axis]) & (points[:, axis] < high[axis])
    middle = centres.mean(axis=0)
    p, c = (points[near] - middle).astype(np.float32), (centres - middle).astype(np.float32)
    # |p - c|^2 < r^2, as one product of matrices.
    excess = -2 * p @ c.T
    excess += ((c**2).sum(axis=1) - radii.astype(np.float32) ** 2)[None]
    out[near] = excess.min(axis=1, initial=np.inf) < -(p**2).sum(axis=1)
    return out
