"""What every primitive shares: its arguments and outcome, the hand's memory, and streaming motion to a robot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command, Observation, Robot, Status
from robots.kinematics import kinematics
from robots.places import RoomMap
from robots.planning.body import ArmShape, Checker
from robots.planning.height_map import HeightMap
from robots.planning.motion import Motion, MotionPlanner, pointing_down
from robots.primitives.surface import Cloud
from robots.sliding import SlidingRobot, needs_base

Float = NDArray[np.float64]

SETTLE_S = 0.25
SETTLED_RAD = 0.004
STRAY_RAD = 0.25
"""A joint that is this far behind its command has run into something."""
LOW_M, RISE_M = 0.20, 0.09
"""A hand lower than this may stand between things: it goes straight up by so much before anything else."""
AGAIN, PAUSE_S = 3, 0.3
"""So often a robot that refuses to go home is told again, and how long after."""
TREMBLING_M, LOOKS = 0.0005, 9
"""Depth that trembles by more than the first is looked at so many times, and the median taken: 1 mm becomes 0.4 mm."""
HELD_WIDTH_M = 0.003
"""Fingers that close further than this hold nothing (the thinnest wall is 5 mm)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Grasp:
    """What the hand remembers of the thing that it holds.

    words: what it was called. width_m: between the fingers when they had closed. drop_m: from the tool point down to
    its bottom. half_m: its half extents along the tool's x and y. offset_m: float64[2], its centre from the tool
    point, along the tool's x and y. height_m: from its bottom to its top.
    """

    words: str
    width_m: float
    drop_m: float
    half_m: tuple[float, float]
    offset_m: Float
    height_m: float

    @property
    def radius_m(self) -> float:
        """Half the larger extent."""
        return max(self.half_m)


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A thing: its words and a point on its surface, float64[3] m in the world (None: words alone).

    Raises:
        ValueError: for a point that is none.
    """

    words: str
    xyz_m: Float | None
    camera: str = "front"

    def __post_init__(self) -> None:
        if self.xyz_m is not None and not (len(self.xyz_m) == 3 and np.isfinite(self.xyz_m).all()):
            raise ValueError(f"the point of the {self.words} is three finite numbers, in metres, not {self.xyz_m}")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a primitive ended, and the reason in words. No truth value: compare `status`."""

    status: Status
    detail: str

    def __bool__(self) -> bool:
        raise TypeError("an Outcome has no truth value; compare its status with Status.SUCCEEDED")


@dataclass(eq=False)
class Body:
    """A robot and what its hand remembers. origins: float64[3] m by words, where a picked thing stood.

    map: of the rooms, for a robot that drives; what it was told, not what is true now. held_q: float64[J], the arm's
    configuration that carries what is held, None for home. ajar: how far the map's parts are open (m or rad) by name,
    as
    far as the robot knows; those it does not name are shut. went: where it was last told to go by these words, and the
    places (x, y, yaw in the world) where it has stood for that. laid: float64[N,3] m in the world by words, the tops of
    what it has put down, which its own arm may hide from it.
    """

    robot: Robot
    grasp: Grasp | None = None
    origins: dict[str, Float] = field(default_factory=dict)
    map: RoomMap | None = None
    held_q: Float | None = None
    ajar: dict[str, float] = field(default_factory=dict)
    went: tuple[str, tuple[Float, ...]] = ("", ())
    laid: dict[str, Float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if needs_base(self.robot.spec):
            self.robot = SlidingRobot(self.robot)
        self.planner = MotionPlanner(self.robot.spec)
        self.kinematics = kinematics(self.robot.spec)

    def see(self, camera: str) -> Cloud:
        """The present picture of `camera` as points.

        Raises:
            KeyError: the robot has no such camera.
        """
        observation: Observation = self.robot.observe()
        if camera not in observation.frames:
            raise KeyError(f"the robot has no camera {camera!r}; it has {sorted(observation.frames)}")
        frame = observation.frames[camera]
        if trembling(frame.depth_m):
            looks = [frame, *(self.robot.observe().frames[camera] for _ in range(LOOKS - 1))]
            frame = replace(frame, depth_m=steadied([look.depth_m for look in looks]))
        return Cloud.from_frame(frame)

    def checker(self, heights: HeightMap, *, width_m: float) -> Checker:
        """Clearance of the arm with its present load over `heights`."""
        held = self.grasp
        shape = ArmShape(
            self.robot.spec,
            width_m=width_m,
            held_radius_m=0.0 if held is None else held.radius_m,
            held_drop_m=0.0 if held is None else held.drop_m,
        )
        return Checker(shape, heights)

    def follow(self, motion: Motion, *, width_m: float | None = None, width_after_m: float | None = None) -> Outcome:
        """Stream `motion`; then wait until the arm stands still. Stops and says so if the arm runs into something.

        The fingers go to width_m at once, and to width_after_m in the last third of the way.
        """
        if motion.status is not Status.SUCCEEDED:
            return Outcome(status=motion.status, detail=motion.detail)
        robot = self.robot
        period = robot.spec.period_s
        for i, q in enumerate(motion.q):
            if width_after_m is not None and i > 2 * len(motion.q) // 3:
                width_m = width_after_m
            sent = robot.send(Command(arm_q=q, gripper_width_m=width_m))
            if sent.arm_q is None or float(np.abs(sent.arm_q - q).max()) > 0.1:
                robot.stop()
                return Outcome(status=Status.LIMIT, detail="the limits held the arm back")
            robot.wait(period)
            if i % 4 == 3 and float(np.abs(robot.state().arm_q - q).max()) > STRAY_RAD:
                robot.stop()
                return Outcome(status=Status.PATH_BLOCKED, detail="the arm ran into something")
        if len(motion.q):
            self._settle(motion.q[-1], width_m)
        return Outcome(status=Status.SUCCEEDED, detail="")

    def _settle(self, q: Float, width_m: float | None) -> None:
        robot = self.robot
        for _ in range(int(np.ceil(SETTLE_S / robot.spec.period_s))):
            if float(np.abs(robot.state().arm_q - q).max()) < SETTLED_RAD:
                return
            robot.send(Command(arm_q=q, gripper_width_m=width_m))
            robot.wait(robot.spec.period_s)

    def grip(self, width_m: float, *, limit_s: float = 0.6) -> float:
        """Move the fingers towards `width_m` apart until they stop; returns how far apart they are, in metres."""
        robot = self.robot
        period = robot.spec.period_s
        last, still = robot.state().gripper_width_m, 0
        for _ in range(int(np.ceil(limit_s / period))):
            robot.send(Command(gripper_width_m=width_m))
            robot.wait(period)
            now = robot.state().gripper_width_m
            still = still + 1 if abs(now - last) < 2e-4 else 0
            if still >= 3 or abs(now - width_m) < 5e-4:
                return now
            last = now
        return last

    def steady_grip(self, *, limit_s: float = 0.5) -> float | None:
        """Wait until the robot itself says that it holds something; how far apart its fingers then are, else None."""
        period = self.robot.spec.period_s
        for _ in range(int(np.ceil(limit_s / period))):
            state = self.robot.state()
            if state.holding:
                return state.gripper_width_m
            self.robot.wait(period)
        return None

    def home(self, *, width_m: float | None = None) -> Outcome:
        """Straight up first where the hand is low, then home; again where the commands were refused for a moment."""
        outcome = self._home(width_m)
        for _ in range(AGAIN):
            if outcome.status is not Status.LIMIT:
                break
            self.robot.wait(PAUSE_S)
            outcome = self._home(width_m)
        return outcome

    def _home(self, width_m: float | None) -> Outcome:
        state = self.robot.state()
        tool, goal = state.world_T_tool, self.robot.spec.home_q_rad
        if tool.xyz[2] < LOW_M:
            raised = pointing_down(tool.xyz + [0.0, 0.0, RISE_M], tool.yaw_rad)
            motion = self.planner.through(state.arm_q, [raised], end_q=goal)
            if motion.status is Status.SUCCEEDED:
                return self.follow(motion, width_m=width_m)
        return self.follow(self.planner.to_q(state.arm_q, goal), width_m=width_m)


def trembling(depth_m: NDArray[np.float32]) -> bool:
    """Whether a depth picture [H,W] m is noisier than flat surfaces are: by how far its pixels are off the middle
    between their neighbours."""
    seen = depth_m.astype(np.float64)
    seen[seen == 0] = np.nan
    bend = np.abs(seen[:, :-2] - 2 * seen[:, 1:-1] + seen[:, 2:])
    bend = bend[np.isfinite(bend)]
    return len(bend) > 0 and float(np.median(bend)) > TREMBLING_M


def steadied(looks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """float32[H,W]: the median of several depth pictures of the same; 0 where most of them have no return."""
    stack = np.stack(looks).astype(np.float64)
    lost = np.count_nonzero(stack == 0, axis=0) > len(looks) / 2
    stack[stack == 0] = np.nan
    stack[:, lost] = 0.0
    return np.asarray(np.nanmedian(stack, axis=0), dtype=np.float32)


def failed(body: Body, outcome: Outcome) -> Outcome:
    """Bring the arm home, holding what it holds, and pass `outcome` on."""
    body.home()
    return outcome
