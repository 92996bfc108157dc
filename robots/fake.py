"""A robot without physics: exact joints, boxes on a table, a camera that casts rays. Deterministic, numpy alone.

For tests and dry runs of whatever speaks the Robot protocol. What it knows of the world: a box between closing
fingers is held and moves with the tool; let go, it falls onto what is below; low fingers push boxes along.

    robot = FakeRobot(boxes=[FakeBox(name="red block", xy_m=(0.45, 0.1), rgb=(0.8, 0.1, 0.1))])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import CameraFrame, Command, Observation, RobotState
from robots.kinematics import kinematics
from robots.limits import LimitGate
from robots.spec import RobotSpec, panda

Float = NDArray[np.float64]

CAMERA = "front"
IMAGE_PX = 224
FOV_RAD = 0.87
CAMERA_XYZ_M, LOOKS_AT_M = (1.02, 0.0, 0.78), (0.46, 0.0, 0.0)
TABLE_RGB = (0.62, 0.55, 0.47)
STEP_S = 1 / 60
BUSY_M = 2e-3


@dataclass(frozen=True, kw_only=True)
class FakeBox:
    """A solid box. xy_m, bottom_m, yaw_rad: of the middle of its underside; size_m: along its own x, y and up."""

    name: str
    xy_m: tuple[float, float]
    rgb: tuple[float, float, float]
    size_m: tuple[float, float, float] = (0.042, 0.042, 0.042)
    yaw_rad: float = 0.0
    bottom_m: float = 0.0

    @property
    def top_m(self) -> float:
        return self.bottom_m + self.size_m[2]


class FakeRobot:
    """A Panda that goes exactly where the limits let it, over a table of boxes."""

    def __init__(self, *, boxes: Sequence[FakeBox] = (), spec: RobotSpec | None = None) -> None:
        self._spec = spec or panda()
        self._kinematics = kinematics(self._spec)
        self.boxes: dict[str, FakeBox] = {box.name: box for box in boxes}
        self.held: str | None = None
        self._hold_offset = np.zeros(3)
        self._hold_yaw_rad = 0.0
        self._q = np.array(self._spec.home_q_rad)
        self._goal_q = self._q.copy()
        self._speed = np.zeros_like(self._q)
        self._width_m = self._goal_width_m = self._spec.gripper_max_width_m
        self._time_s = self._sent_at_s = 0.0
        self._gate = LimitGate(self._spec, arm_q=self._q, gripper_width_m=self._width_m)

    @property
    def spec(self) -> RobotSpec:
        return self._spec

    @property
    def time_s(self) -> float:
        """Its clock."""
        return self._time_s

    def observe(self) -> Observation:
        return Observation(
            time_s=self._time_s, frames={CAMERA: cast_rays(tuple(self.boxes.values()))}, state=self.state()
        )

    def state(self) -> RobotState:
        return RobotState(
            world_T_base=Pose.identity(),
            arm_q=self._q.copy(),
            gripper_width_m=self._width_m,
            world_T_tool=self._kinematics.tool(self._q),
            holding=self.held is not None,
        )

    def send(self, command: Command) -> Command:
        sent = self._gate.admit(command, self._time_s - self._sent_at_s)
        self._sent_at_s = self._time_s
        self._start(sent)
        return sent

    def wait(self, seconds: float) -> None:
        if not np.isfinite(seconds) or seconds < 0:
            raise ValueError(f"a robot waits a number of seconds, at least 0, not {seconds}")
        for _ in range(int(np.ceil(seconds / STEP_S - 1e-9))):
            self._step()

    def stop(self) -> None:
        self._gate.reset(arm_q=self._q, gripper_width_m=self._width_m)
        self._start(self._gate.halt())

    def close(self) -> None:
        """Nothing was opened."""

    def _start(self, command: Command) -> None:
        if command.arm_q is not None:
            # Straight to the goal, within one control period.
            self._goal_q = np.array(command.arm_q)
            self._speed = np.abs(self._goal_q - self._q) / self._spec.period_s
        if command.gripper_width_m is not None:
            self._goal_width_m = float(command.gripper_width_m)

    def _step(self) -> None:
        before = self._kinematics.tool(self._q)
        self._q = self._q + np.clip(self._goal_q - self._q, -self._speed * STEP_S, self._speed * STEP_S)
        tool = self._kinematics.tool(self._q)
        self._time_s += STEP_S
        if self.held is not None:
            self._carry(tool)
        else:
            self._push(before, tool)
        self._move_fingers(tool)

    def _carry(self, tool: Pose) -> None:
        assert self.held is not None
        x, y, z = tool.xyz + tool.rotation @ self._hold_offset
        box = self.boxes[self.held]
        self.boxes[self.held] = replace(
            box, xy_m=(float(x), float(y)), bottom_m=float(z), yaw_rad=tool.yaw_rad + self._hold_yaw_rad
        )

    def _move_fingers(self, tool: Pose) -> None:
        step = self._spec.gripper_speed_m_s * STEP_S
        wish = self._width_m + float(np.clip(self._goal_width_m - self._width_m, -step, step))
        if self.held is not None:
            width = _extent(self.boxes[self.held], tool)
            if wish > width + 1e-6:
                self._let_go()
            else:
                wish = width
        else:
            for box in self.boxes.values():
                width = _extent(box, tool)
                if wish < width <= self._width_m + 1e-9 and self._between(box, tool):
                    wish, self.held = width, box.name
                    self._grasp(box, tool, along=tool.rotation[:2, 1])
                    break
        self._width_m = wish

    def _grasp(self, box: FakeBox, tool: Pose, *, along: Float) -> None:
        """The fingers turn the nearest face flat and centre the box between them."""
        across = np.array(box.xy_m) - tool.xyz[:2]
        centre = np.array(box.xy_m) - (across @ along) * along
        turn = (box.yaw_rad - tool.yaw_rad + np.pi / 4) % (np.pi / 2) - np.pi / 4
        self._hold_yaw_rad = box.yaw_rad - turn - tool.yaw_rad
        self._hold_offset = tool.rotation.T @ (np.array([*centre, box.bottom_m]) - tool.xyz)
        self._carry(tool)

    def _between(self, box: FakeBox, tool: Pose) -> bool:
        """Whether the tool point is inside the box, seen from above, and the tips reach below its top."""
        x, y = _own(box, tool.xyz[:2])
        tip = tool.xyz[2] - self._spec.fingertip_m
        inside = abs(x) < box.size_m[0] / 2 and abs(y) < box.size_m[1] / 2
        return bool(inside and box.bottom_m - BUSY_M < tip < box.top_m - 0.004)

    def _let_go(self) -> None:
        """What was held falls onto the highest thing under its middle, or to the table."""
        assert self.held is not None
        box = self.boxes[self.held]
        below = [0.0]
        for other in self.boxes.values():
            x, y = _own(other, np.array(box.xy_m))
            under = abs(x) < other.size_m[0] / 2 and abs(y) < other.size_m[1] / 2
            if other.name != box.name and under and other.top_m <= box.bottom_m + BUSY_M:
                below.append(other.top_m)
        self.boxes[self.held] = replace(box, bottom_m=max(below))
        self.held = None

    def _push(self, before: Pose, tool: Pose) -> None:
        """Boxes that a finger tip has come into move on with it, along its way."""
        way = (tool.xyz - before.xyz)[:2]
        length = float(np.linalg.norm(way))
        if length < 1e-9:
            return
        ahead = way / length
        tips = tool.xyz[2] - self._spec.fingertip_m
        thick = self._spec.finger_thickness_m
        points = [
            tool.xyz[:2] + y * tool.rotation[:2, 1] + x * self._spec.finger_breadth_m / 2 * tool.rotation[:2, 0]
            for x in (-1.0, 0.0, 1.0)
            for side in (-1.0, 1.0)
            for y in side * (self._width_m / 2 + np.linspace(0.001, thick, 3))
        ]
        for name, box in self.boxes.items():
            if not (box.bottom_m - BUSY_M < tips < box.top_m):
                continue
            for _ in range(100):
                local = [_own(box, point) for point in points]
                if not any(abs(x) < box.size_m[0] / 2 and abs(y) < box.size_m[1] / 2 for x, y in local):
                    break
                x, y = np.array(box.xy_m) + 5e-4 * ahead
                box = replace(box, xy_m=(float(x), float(y)))
            self.boxes[name] = box


def _own(box: FakeBox, xy: Float) -> tuple[float, float]:
    """A point [2] m of the world in the box's own x and y."""
    c, s = float(np.cos(box.yaw_rad)), float(np.sin(box.yaw_rad))
    dx, dy = float(xy[0] - box.xy_m[0]), float(xy[1] - box.xy_m[1])
    return c * dx + s * dy, c * dy - s * dx


def _extent(box: FakeBox, tool: Pose) -> float:
    """The box's width between faces along the fingers, once its nearest faces lie flat against them."""
    turn = (tool.yaw_rad - box.yaw_rad + np.pi / 4) % np.pi
    return box.size_m[1] if turn < np.pi / 2 else box.size_m[0]


def cast_rays(boxes: Sequence[FakeBox]) -> CameraFrame:
    """The picture of boxes on a table from the usual place: flat colours, exact depth."""
    forward = np.array(LOOKS_AT_M) - CAMERA_XYZ_M
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.column_stack([right, np.cross(forward, right), forward])
    focal = IMAGE_PX / 2 / np.tan(FOV_RAD / 2)
    middle = (IMAGE_PX - 1) / 2
    rows, columns = np.indices((IMAGE_PX, IMAGE_PX))
    rays = np.stack([(columns - middle) / focal, (rows - middle) / focal, np.ones(rows.shape)], axis=-1) @ rotation.T
    origin = np.array(CAMERA_XYZ_M)
    with np.errstate(divide="ignore"):
        depth = np.where(rays[..., 2] < -1e-6, -origin[2] / rays[..., 2], np.inf)
    shade = np.ones(depth.shape)
    rgb = np.broadcast_to(np.array(TABLE_RGB), rays.shape).copy()
    for box in boxes:
        c, s = np.cos(box.yaw_rad), np.sin(box.yaw_rad)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        size = np.array(box.size_m)
        start = turn @ (origin - [*box.xy_m, box.bottom_m + size[2] / 2])
        way = rays @ turn.T
        with np.errstate(divide="ignore", invalid="ignore"):
            one, two = (-size / 2 - start) / way, (size / 2 - start) / way
        enter, leave = np.minimum(one, two), np.maximum(one, two)
        near, far = enter.max(axis=-1), leave.min(axis=-1)
        hit = (near < far) & (near > 0) & (near < depth)
        depth = np.where(hit, near, depth)
        rgb[hit] = box.rgb
        shade = np.where(hit, np.choose(enter.argmax(axis=-1), [0.75, 0.85, 1.0]), shade)
    seen = np.isfinite(depth) & (depth < 5.0)
    return CameraFrame(
        rgb=np.rint(255 * np.clip(rgb * shade[..., None], 0.0, 1.0)).astype(np.uint8),
        depth_m=np.where(seen, depth, 0.0).astype(np.float32),
        intrinsics=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]),
        world_T_camera=Pose.from_matrix(np.block([[rotation, origin[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])),
    )
