"""How each robot is simulated: the file that PyBullet loads, its motors and the grip of its fingers.

A robot of your own: `register` a MachineModel under the name of its spec; worlds then find it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim.meshes import ASSETS, PANDA_URDF


@dataclass(frozen=True, kw_only=True)
class Swing:
    """A link that is only drawn, and swings about its own origin as the fingers open: by `axis` (unit, of the link), so
    far that its end, `reach_m` away, goes aside with a finger."""

    link: str
    axis: tuple[float, float, float]
    reach_m: float


@dataclass(frozen=True, kw_only=True)
class MachineModel:
    """What a robot's spec leaves open. Joints and links carry the names of the spec's own URDF.

    urdf: with meshes and inertias. Where the spec has a base, its root is the world and the joints base_x, base_y
    (prismatic) and base_yaw lead from there to the spec's base link. Each finger is a joint that slides.
    arm_force: most of each joint of the spec, N m, or N for one that slides. position_gain: share of the position
    error that one step removes; velocity_gain: of the velocity error.
    finger_force_n: of each finger, so that the grasp holds with twice as much. finger_friction: lateral; Bullet
    multiplies the two bodies' coefficients. finger_spinning_m, finger_rolling_m: lever arms of a rubber pad's contact
    patch, which keep what is held from turning in the fingers.
    wrist_joint: the fixed joint at which a sensor measures force, "" without one.
    finger_anchor: whether what is held is brought back to where it touched at first. Bullet's friction stops speeds
    alone: on a base that turns, what is held moves on along the tangent in every step, 5 mm outwards in half a turn.
    holding_gap_m: the hand says that it holds something where its fingers stand still so much wider than told.
    base_force: (N, N m) of the motors that drive the base. head_force_nm: of both joints of the head.
    """

    urdf: Path
    arm_force: tuple[float, ...]
    position_gain: float = 0.3
    velocity_gain: float = 1.0
    finger_force_n: float = 25.0
    finger_gain: float = 0.1
    finger_friction: float = 1.1
    finger_spinning_m: float = 0.02
    finger_rolling_m: float = 0.003
    finger_anchor: bool = True
    base_force: tuple[float, float] = (0.0, 0.0)
    head_force_nm: float = 10.0
    swings: tuple[Swing, ...] = ()
    wrist_joint: str = ""
    holding_gap_m: float = 0.003


PANDA_FORCE_NM = (174.0, 174.0, 174.0, 174.0, 48.0, 48.0, 48.0)
"""Twice and four times what the real arm has: the link inertias of its public URDF are too large by as much."""
WALLS_M = 0.001
"""Robots in kitchens hold walls of 3 mm and less: bowls, plates, bags."""

_MODELS: dict[str, MachineModel] = {
    # The hand closes with 50 N (the real one: 70 N at most, 40 N usual) and, with 0.9 of a block, a friction of 0.99.
    "panda": MachineModel(urdf=PANDA_URDF, arm_force=PANDA_FORCE_NM, finger_anchor=False),
    # 85 kg in all: 400 N hold it against any push of its own arm and speed it up six times faster than it asks for.
    "mobile_panda": MachineModel(
        urdf=ASSETS / "mobile_panda.urdf",
        arm_force=PANDA_FORCE_NM,
        base_force=(400.0, 200.0),
        wrist_joint="panda_hand_joint",
        holding_gap_m=WALLS_M,
    ),
    # Lift and wrist hold arm, hand and 1.5 kg; the pads are silicone rubber, which grips wood or china with about 1.
    "stretch": MachineModel(
        urdf=ASSETS / "stretch.urdf",
        arm_force=(300.0, 120.0, 15.0, 15.0, 15.0),
        finger_force_n=20.0,
        finger_friction=1.3,
        base_force=(200.0, 60.0),
        head_force_nm=5.0,
        holding_gap_m=WALLS_M,
        swings=(
            Swing(link="link_gripper_bow_left", axis=(0.0, 1.0, 0.0), reach_m=0.178),
            Swing(link="link_gripper_bow_right", axis=(0.0, -1.0, 0.0), reach_m=0.178),
        ),
    ),
    # The arm's motors hold arm and hand as they are; the lift carries both arms.
    "tiago_pro": MachineModel(
        urdf=ASSETS / "tiago_pro.urdf",
        arm_force=(2000.0, 86.0, 86.0, 52.0, 52.0, 52.0, 52.0, 52.0),
        base_force=(400.0, 200.0),
        head_force_nm=5.2,
        swings=tuple(
            Swing(link=f"gripper_right_{bar}_finger_{side}_link", axis=(0.0, 0.0, -1.0), reach_m=0.05)
            for bar in ("inner", "outer")
            for side in ("left", "right")
        ),
        wrist_joint="arm_right_tool_joint",
    ),
}


def model_of(name: str) -> MachineModel:
    """The model of the robot with that name.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    if name not in _MODELS:
        raise KeyError(
            f"no simulation of a robot {name!r}; there are {', '.join(_MODELS)}: sim.machines.register adds one"
        )
    return _MODELS[name]


def register(name: str, model: MachineModel) -> None:
    """Makes a robot known to the simulation; again with the same model does nothing.

    Raises:
        ValueError: another robot has that name, or the file is missing.
    """
    if _MODELS.get(name, model) != model:
        raise ValueError(f"there is a robot {name!r} already: give yours a name of its own")
    if not model.urdf.is_file():
        raise ValueError(f"{name}: no file {model.urdf}")
    _MODELS[name] = model
