"""`scene=board`: a floor, a ChArUco board before one of the robot's cameras, and cameras that are a little off.

The truth, which the robot is not told, is `BoardScene.lenses`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from agent.calibration.board import Board
from agent.errors import RobotError, UserError
from robots.calibration import CameraCalibration
from robots.geometry import Pose, quat_from_axis_angle
from robots.interface import Robot
from robots.kinematics import base_T_camera, base_T_link, kinematics
from robots.parts import CameraMount
from robots.safety import SafeRobot, SafetyConfig
from robots.spec import RobotSpec
from sim.bodies import Body
from sim.calibration.board import board_key
from sim.camera import CameraSpec, LightSpec
from sim.lens import Lens
from sim.mobile import MobileArm
from sim.render import FIRST_OBJECT_ID, TABLE_ID, Opened, VisualPart
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.setting import Fixtures, Top
from sim.stage import SimStage, open_stage

Float = NDArray[np.float64]

THICK_M, MARGIN_M = 0.004, 0.012
BEHIND_M = 5e-5
"""The sheet lies so far behind what is printed on it, that the two don't flicker."""
FILLS = 0.55
"""How much of a picture's width or height a board takes that stands where it is first seen."""
BEYOND_M, ASIDE_M = 0.01, 0.04
"""A board is held by an edge: so far beyond the tool point, and so far to its side that the hand hides nothing."""
OFF_M, OFF_RAD = 0.015, float(np.deg2rad(3.0))
FOCAL, CENTRE, BENDS = 0.04, 0.02, np.array([0.10, 0.08, 0.0015, 0.0015, 0.0])


@dataclass(frozen=True, kw_only=True)
class BoardScene:
    """before: the camera that the board stands before, or held, is held before. misplaced: whether cameras are off; by
    how much is drawn from the seed. times: how many times more pixels than the description's mount its pictures have,
    each way."""

    seed: int
    before: str
    held: bool
    misplaced: bool
    times: int
    board: Board
    camera: CameraSpec | None = None
    start: Pose = field(default_factory=Pose.identity)
    objects: tuple[PlacedObject, ...] = ()
    specs: tuple[ObjectSpec, ...] = ()
    lights: LightSpec = field(default_factory=lambda: LightSpec(shadow_reach_m=3.0, softness_m=0.03, shadow=0.35))

    @property
    def setting(self) -> Floor:
        return Floor()

    def lenses(self, spec: RobotSpec) -> Mapping[str, Lens]:
        return _lenses(self.seed, self.misplaced, self.times, spec)

    def worn(self, arm: MobileArm) -> list[VisualPart]:
        where = placed(spec=arm.spec, camera=self.before, held=self.held, board=self.board, seed=self.seed)
        anchor = arm.tool() if self.held else Pose.identity()
        return board_parts(self.board, anchor @ where, FIRST_OBJECT_ID)


@cache
def _lenses(seed: int, misplaced: bool, times: int, spec: RobotSpec) -> dict[str, Lens]:
    rng = np.random.default_rng([seed, 11])
    lenses = {}
    for mount in spec.cameras:
        way, axis = rng.uniform(-1, 1, 3) * OFF_M, rng.normal(0, 1, 3)
        turn = float(rng.uniform(0.3, 1.0)) * OFF_RAD
        focal, centre, bends = rng.uniform(-1, 1, 2) * FOCAL, rng.uniform(-1, 1, 2) * CENTRE, rng.uniform(-1, 1, 5)
        width, height = mount.width * times, mount.height * times
        k = np.array(mount.intrinsics)
        k[:2, 2] += 0.5
        k[:2] *= times
        k[:2, 2] -= 0.5
        mounted, distortion = mount.link_T_camera, np.zeros(5)
        if misplaced:
            # One value for both focal lengths, but for a few thousandths: pixels are square.
            k[0, 0] *= 1 + focal[0]
            k[1, 1] *= 1 + focal[0] + 0.05 * focal[1]
            k[:2, 2] += centre * [width, height]
            distortion = bends * BENDS
            mounted = mounted @ Pose(xyz=way, quat_xyzw=quat_from_axis_angle(axis, turn))
        lenses[mount.name] = Lens(
            link_T_camera=mounted, intrinsics=k, width=width, height=height, distortion=distortion,
            noise=2.0 if misplaced else 0.0,
        )  # fmt: skip
    return lenses


@cache
def placed(*, spec: RobotSpec, camera: str, held: bool, board: Board, seed: int) -> Pose:
    """Where the board is in the world, or in the hand that holds it: before the camera, where the description has that,
    with the arm at its posture and the head at home, or looking at the hand; a little aslant."""
    mount, rng = mount_of(spec, camera), np.random.default_rng([seed, 12])
    # An arm's own camera sees from where the arm works, a head's past an arm that is folded.
    arm_q = spec.posture if held or _carried(spec, mount) else spec.home_q_rad
    head_q = spec.head.home_q_rad if spec.head is not None else None
    world_T_camera = base_T_camera(spec, mount, arm_q, head_q)
    k = mount.intrinsics
    size = np.array(board.size_m)
    away_m = float(np.max(size * [k[0, 0] / mount.width, k[1, 1] / mount.height]) / FILLS)
    lean = Pose(xyz=np.zeros(3), quat_xyzw=quat_from_axis_angle(rng.normal(0, 1, 3), float(rng.uniform(0.05, 0.2))))
    middle = Pose.from_xyz_yaw([-size[0] / 2, -size[1] / 2, 0.0])
    if not held:
        return world_T_camera @ Pose.from_xyz_yaw([0.0, 0.0, away_m]) @ lean @ middle
    tool = kinematics(spec).tool(arm_q)
    at = tool.apply([0.0, 0.0, BEYOND_M])
    towards = at - world_T_camera.xyz
    ahead = towards / np.linalg.norm(towards)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    down = np.cross(ahead, right)
    aside = -(size[0] / 2 + ASIDE_M) * right - size[1] / 4 * down
    matrix[:3, :3], matrix[:3, 3] = np.column_stack([right, down, ahead]), at + aside
    return tool.inverse() @ Pose.from_matrix(matrix) @ lean @ middle


def mount_of(spec: RobotSpec, camera: str) -> CameraMount:
    """Raises RobotError where the robot has no such camera."""
    try:
        return spec.camera(camera)
    except KeyError as e:
        raise RobotError(str(e.args[0])) from e


def _carried(spec: RobotSpec, mount: CameraMount) -> bool:
    """Whether the arm moves the camera."""
    head_q = spec.head.home_q_rad if spec.head is not None else None
    home, other = (base_T_link(spec, mount.link, q, head_q) for q in (spec.home_q_rad, spec.posture))
    return not np.allclose(home, other, atol=1e-6)


def board_parts(board: Board, world_T_board: Pose, object_id: int) -> list[VisualPart]:
    """The print, and the plate that it lies on."""
    width, height = board.size_m
    middle = Pose.from_xyz_yaw([width / 2, height / 2, THICK_M / 2 + BEHIND_M])
    plate = f"cuboid/{width + 2 * MARGIN_M},{height + 2 * MARGIN_M},{THICK_M}"
    return [
        VisualPart(
            mesh_key=board_key(board), world_T_part=world_T_board.matrix, rgb=(0.06, 0.06, 0.06), object_id=object_id,
            casts_shadow=False,
        ),
        VisualPart(
            mesh_key=plate, world_T_part=(world_T_board @ middle).matrix, rgb=(0.92, 0.92, 0.92), object_id=object_id
        ),
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Nothing but a floor."""

    def build(self, client: int, *, visuals: bool) -> Fixtures:
        shape = p.createCollisionShape(p.GEOM_BOX, halfExtents=[5, 5, 0.5], physicsClientId=client)
        body: int = p.createMultiBody(0.0, shape, -1, basePosition=[0, 0, -0.5], physicsClientId=client)
        return _BuiltFloor(names={body: "floor"})


@dataclass(frozen=True, kw_only=True, eq=False)
class _BuiltFloor:
    names: Mapping[int, str]

    def visuals(self) -> list[VisualPart]:
        return [VisualPart(mesh_key="floor/10,10/0.6", world_T_part=np.eye(4), rgb=(0.75, 0.73, 0.70),
                           object_id=TABLE_ID, texture="planks")]  # fmt: skip

    def tops(self) -> tuple[Top, ...]:
        return ()

    def begin(self, bodies: Mapping[str, Body]) -> None:
        """No thing stands on it."""

    def stepped(self, steps: int) -> None:
        """Nothing about it changes."""

    def memory(self) -> object:
        return None

    def recall(self, memory: object) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class BoardChoice:
    """See conf/scene/board.yaml."""

    camera: str = "wrist"
    held: bool = False
    misplaced: bool = True
    times: int = 3
    board: Board = field(default_factory=Board)

    def reset(self, robot: SimRobot, seed: int, sentence: str) -> None:
        robot.reset(self.draw(seed))

    def draw(self, seed: int) -> BoardScene:
        """Where the board stands depends on the robot; how cameras are off, on the seed alone."""
        if not 1 <= self.times <= 8:
            raise UserError(f"scene.times={self.times} does not fit: give 1 to 8")
        return BoardScene(
            seed=seed, before=self.camera, held=self.held, misplaced=self.misplaced, times=self.times, board=self.board
        )

    def robot(self) -> RobotSpec:
        """What `robot=suite` is."""
        from robots.mobile_panda import mobile_panda

        return mobile_panda()

    def stage(self, robot: SimRobot, opened: Opened, goal: str | None) -> SimStage:
        return SimStage(robot, opened, goal=goal)


class Bench:
    """See `agent.commands.calibrate.Bench`."""

    def __init__(self, stage: SimStage, safety: SafetyConfig) -> None:
        self.stage = stage
        self.robot: Robot = SafeRobot(stage.robot, safety)
        self.renderer = stage.renderer

    def truth(self, camera: str) -> CameraCalibration:
        scene, spec = self.stage.world.scene, self.robot.spec
        assert isinstance(scene, BoardScene)
        lens = scene.lenses(spec)[camera]
        return CameraCalibration(
            name=camera, link=spec.camera(camera).link, width=lens.width, height=lens.height,
            intrinsics=lens.intrinsics, distortion=lens.distortion, link_T_camera=lens.link_T_camera,
        )  # fmt: skip

    def close(self) -> None:
        self.stage.close()


def open_bench(
    *,
    seed: int,
    robot: Callable[[], RobotSpec],
    camera: str,
    held: bool,
    board: Board,
    renderer: Literal["auto", "gl", "tiny"],
    safety: SafetyConfig,
) -> Bench:
    """A robot in simulation, before a board."""
    mount_of(robot(), camera)
    choice = BoardChoice(camera=camera, held=held, board=board)
    return Bench(open_stage(seed=seed, scene=choice, robot=robot, renderer=renderer), safety)
