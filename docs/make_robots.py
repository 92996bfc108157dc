"""Writes docs/robots.md from the specs of the robots, and draws their pictures: python docs/make_robots.py

`python docs/make_robots.py page` writes the page alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pybullet as p

from robots.chain import path_to, read_urdf
from robots.geometry import Pose
from robots.kinematics import kinematics
from robots.mobile_panda import mobile_panda
from robots.parts import CameraMount, Drive
from robots.spec import RobotSpec, panda
from robots.stretch import stretch
from robots.tiago_pro import tiago_pro
from sim.arm import Arm
from sim.camera import CameraSpec, LightSpec
from sim.lexicon import RGB
from sim.mobile import MobileArm
from sim.render import Shot, VisualPart, open_renderer

DOCS = Path(__file__).parent
PAGE, PICTURES = DOCS / "robots.md", DOCS / "robots"
HEIGHT_PX, QUALITY, SAMPLES = 280, 82, 40_000
DOWNWARDS = np.cos(np.deg2rad(15.0))

HEAD = """# Robots

*Made by `python docs/make_robots.py` from `robots/spec.py`, `robots/mobile_panda.py`, `robots/stretch.py` and
`robots/tiago_pro.py`;
`tests/test_robots_page.py` keeps it in step.*

Every robot is a `RobotSpec`, one frozen value that says what it is and how it may move, behind one protocol
(`robots/interface.py`): `observe`, `state`, `send`, `wait`, `stop`. Choose one with `robot=NAME`; bring your own as
[new_robot.md](new_robot.md) says. All poses are seen from the base, whose frame stands on the floor (the Panda's: on
the table), x forward, y left, z up. A pan to the left and a tilt upwards are positive.

What every robot shares: commands pass one gate (`robots/limits.py`), which keeps positions, velocities and
accelerations within the limits below and returns what was sent; a base that hears nothing for its time limit brakes;
what is not a number moves nothing. A robot that drives reports where it believes to be (`world_T_base`, corrected by
fixes as good as declared) and where its wheels alone say it is (`odom_T_base`, which drifts); the truth is the
simulation's alone.

The reach was sampled: the tool point over 40,000 random configurations of the arm, the base standing.
"""

ABOUT = {
    "panda": "A Franka Emika Panda beside the table. The suites `tabletop`, `tamp` and `board` are made for it.",
    "mobile_panda": """\
The Panda on a round base of our own that drives in any direction, with a camera on a mast. In PyBullet the base hangs
on three joints from the world, driven by velocity motors: what it runs into pushes back, and nothing tips it.""",
    "stretch": """\
Hello Robot's Stretch 3: two wheels, a lift, a telescope that goes out to its right, a wrist of three joints. Masses and
joints are the maker's. The fingers, two bows that swing in the real gripper, slide here, with a flat pad in place of
each rubber cup; `sim/assets/make_stretch.py` says why. To go sideways it must turn first: plan with
`whole_body(spec, ("yaw", "x"))`.""",
    "tiago_pro": """\
PAL Robotics' TIAGo Pro: four Mecanum wheels, a lift, two arms of seven joints. The right arm works; the left one is
folded at its side and fixed. Masses, joints and limits are the maker's. The gripper's four-bar fingers keep their pads
parallel, so the pads slide here. It keeps the contract of every robot and picks by friction; of the household
primitives it does navigate_to and some picks so far: `mobile_panda` is the one that they are made for.""",
}


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) >= 1e-9 else "0"


def joint_table(spec: RobotSpec) -> list[str]:
    joints = {j.name: j for j in read_urdf(spec.urdf).values()}
    sliding = {t.name for t in spec.telescopes} | {n for n, j in joints.items() if j.kind == "prismatic"}
    rows = ["| joint | from | to | velocity | acceleration | home |", "| --- | --- | --- | --- | --- | --- |"]
    figures = (spec.q_lower_rad, spec.q_upper_rad, spec.velocity_rad_s, spec.acceleration_rad_s2, spec.home_q_rad)
    for name, *values in zip(spec.joint_names, *figures, strict=True):
        unit = "m" if name in sliding else "rad"
        rows.append(f"| `{name}` ({unit}) | {' | '.join(number(v) for v in values)} |")
    if spec.head is not None:
        head = spec.head
        figures = (head.q_lower_rad, head.q_upper_rad, head.velocity_rad_s, head.acceleration_rad_s2, head.home_q_rad)
        for name, *values in zip(head.joint_names, *figures, strict=True):
            rows.append(f"| `{name}` (rad) | {' | '.join(number(v) for v in values)} |")
    return rows


def reach(spec: RobotSpec) -> str:
    rng = np.random.default_rng(0)
    q = rng.uniform(spec.q_lower_rad, spec.q_upper_rad, (SAMPLES, spec.dof))
    tools = kinematics(spec).frames(q)[:, -1]
    tools = tools[tools[:, 2, 3] > spec.floor_m + spec.fingertip_m]
    down = tools[tools[:, 2, 2] < -DOWNWARDS]

    def said(frames: np.ndarray) -> str:
        away, high = np.linalg.norm(frames[:, :2, 3], axis=1).max(), frames[:, 2, 3]
        return f"{high.min():.2f} to {high.max():.2f} m high, up to {away:.2f} m away"

    return f"The tool point comes {said(tools)}; pointing down within 15 degrees, {said(down)}."


def base_lines(spec: RobotSpec) -> list[str]:
    base = spec.base
    if base is None:
        return ["The base stands fixed."]
    kind = "forward, sideways and turning" if base.drive is Drive.HOLONOMIC else "forward and turning (two wheels)"
    v, a = base.velocity, base.acceleration
    side = f"{number(v[1])} m/s sideways, " if v[1] else ""
    noise = base.odometry
    turn, way = np.rad2deg(np.sqrt(10 * noise.turn_per_way)), np.sqrt(10 * noise.way_per_way)
    fix = base.localisation
    return [
        f"The base drives {kind}: up to {number(v[0])} m/s forward, {side}{number(v[2])} rad/s,",
        f"gaining {number(a[0])} m/s² and {number(a[2])} rad/s². Its outline lies within {base.radius_m:.2f} m of its",
        f"middle. Without a command for {base.command_timeout_s:g} s it brakes.",
        "",
        f"Odometry drifts by {turn:.1f} degrees and {100 * way:.1f} cm over 10 m of straight way; a fix of the",
        f"localisation errs by {100 * fix.position_m:.1f} cm and {np.rad2deg(fix.angle_rad):.1f} degrees (standard"
        " deviations).",
    ]


def camera_row(mount: CameraMount) -> str:
    wide, high = (
        2 * np.rad2deg(np.arctan(size / 2 / focal))
        for size, focal in ((mount.width, mount.intrinsics[0, 0]), (mount.height, mount.intrinsics[1, 1]))
    )
    return (
        f"| `{mount.name}` | `{mount.link}` | {mount.width} x {mount.height} | {wide:.0f} x {high:.0f} |"
        f" {mount.intrinsics[0, 0]:.1f} | {mount.near_m:g} to {mount.far_m:g} |"
    )


def section(spec: RobotSpec) -> list[str]:
    lines = [f"## `{spec.name}`", "", f"![{spec.name}](robots/{spec.name}.jpg)", "", ABOUT[spec.name], ""]
    lines += [*joint_table(spec), "", reach(spec), "", *base_lines(spec), ""]
    links = len([j for j in path_to(read_urdf(spec.urdf), spec.base_link, spec.tool_link) if j.kind != "fixed"])
    lines += [
        f"The gripper opens to {number(100 * spec.gripper_max_width_m)} cm at {number(spec.gripper_speed_m_s)} m/s."
        f" The arm has {links} moving links."
    ]
    if spec.cameras:
        lines += ["", "| camera | on | pixels | sees (degrees) | focal length (px) | depth (m) |"]
        lines += ["| --- | --- | --- | --- | --- | --- |", *(camera_row(mount) for mount in spec.cameras)]
    return lines


def page() -> str:
    specs = (panda(), mobile_panda(), stretch(), tiago_pro())
    return "\n".join([HEAD, *("\n".join([*section(spec), ""]) for spec in specs)])


def solid(key: str, xyz_m: tuple[float, float, float], texture: str = "", rgb: RGB = (1.0, 1.0, 1.0)) -> VisualPart:
    return VisualPart(
        mesh_key=key, world_T_part=Pose.from_xyz_yaw(xyz_m, 0.2).matrix, rgb=rgb, object_id=2, texture=texture
    )


def surroundings() -> list[VisualPart]:
    """A floor, and a counter before the robot with things on it."""
    parts = [solid("floor/8,8/1.2", (0.0, 0.0, 0.0), "planks", (0.9, 0.9, 0.9))]
    square = np.eye(4)
    for key, z, rgb in (
        ("cuboid/0.6,2.4,0.86", 0.43, (0.90, 0.90, 0.86)),
        ("cuboid/0.64,2.4,0.04", 0.88, (0.45, 0.33, 0.24)),
    ):
        square = square.copy()
        square[:3, 3] = 1.0, 0.0, z
        parts.append(VisualPart(mesh_key=key, world_T_part=square, rgb=rgb, object_id=2))
    return [
        *parts,
        solid("round/0.033,0.12", (0.86, 0.02, 0.96), "label:BEANS#2"),
        solid("cuboid/0.07,0.07,0.2", (1.02, 0.20, 1.0), "label:OAT MILK#3"),
        solid("cuboid/0.05,0.05,0.05", (0.84, -0.22, 0.925), rgb=(0.8, 0.12, 0.12)),
        solid("bowl/large", (0.95, -0.42, 0.93), rgb=(0.35, 0.55, 0.75)),
    ]


# Where each stands before the counter, its arm and its head.
SCENES = {
    "mobile_panda": (
        Pose.from_xyz_yaw([0.25, 0.0, 0.0]),
        (0.0, -0.7, 0.0, -2.3, 0.0, 1.6, 0.785),
        0.08,
        (-0.15, -0.75),
    ),
    "stretch": (Pose.from_xyz_yaw([0.15, 0.0, 0.0], np.pi / 2), (0.97, 0.2, 0.0, -0.5, 0.0), 0.12, (-1.5, -0.5)),
    "tiago_pro": (
        Pose.from_xyz_yaw([0.15, 0.15, 0.0]),
        (0.30, -3.04, -1.40, 1.00, -1.75, -0.50, -1.00, -1.50),
        0.07,
        (-0.2, -0.6),
    ),
}


def shot(spec: RobotSpec) -> Shot:
    client = p.connect(p.DIRECT)
    lights = LightSpec(direction=(-0.4, -0.7, 1.0), shadow_reach_m=4.0, softness_m=0.05)
    try:
        view = CameraSpec(
            position_m=(-0.75, -2.1, 1.55), target_m=(0.55, 0.0, 0.78), fov_y_rad=0.75, width=380, height=HEIGHT_PX,
            far_m=20.0,
        )  # fmt: skip
        if spec.base is None:
            table = VisualPart(mesh_key="table", world_T_part=np.eye(4), rgb=(0.62, 0.55, 0.47), object_id=0)
            beside = CameraSpec(width=HEIGHT_PX, height=HEIGHT_PX)
            near = CameraSpec(
                position_m=(1.1, -1.0, 0.75), target_m=(0.3, 0.0, 0.25), fov_y_rad=0.75, width=380, height=HEIGHT_PX
            )
            arm = Arm(client, spec, visuals=False)
            arm.teleport(spec.home_q_rad, 0.08)
            return Shot(parts=[table, *arm.visuals()], cameras=(near, beside), lights=LightSpec())
        start, q, width_m, head_q = SCENES[spec.name]
        robot = MobileArm(client, spec, visuals=False, start=start, rng=np.random.default_rng(0))
        robot.teleport(np.array(q), width_m)
        robot.set_head(np.array(head_q))
        own = [c.with_size(round(HEIGHT_PX * c.width / c.height), HEIGHT_PX) for c in robot.cameras().values()]
        return Shot(parts=[*surroundings(), *robot.visuals()], cameras=(view, *own), lights=lights)
    finally:
        p.disconnect(physicsClientId=client)


def draw() -> None:
    PICTURES.mkdir(exist_ok=True)
    renderer = open_renderer().renderer
    for spec in (panda(), mobile_panda(), stretch(), tiago_pro()):
        pictures = renderer.render_all([shot(spec)])[0]
        row = np.hstack([picture.rgb for picture in pictures])
        path = str(PICTURES / f"{spec.name}.jpg")
        cv2.imwrite(path, cv2.cvtColor(row, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    renderer.close()


if __name__ == "__main__":
    PAGE.write_text(page())
    if sys.argv[1:] != ["page"]:
        draw()
