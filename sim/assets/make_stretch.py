"""Make stretch/, stretch.urdf and its kinematics in robots/assets, from Hello Robot's description of Stretch 3.

    pip download --no-deps hello-robot-stretch-urdf==0.1.2 && unzip -d pkg hello_robot_stretch_urdf-0.1.2-*.whl
    python sim/assets/make_stretch.py pkg/stretch_urdf

Joint origins, axes and link masses are the description's (model SE3, wrist DW3, gripper SG3). What differs, and why:
- Links that are fixed to each other become one, their meshes decimated, a convex hull each for collision.
- The lens and ReSpeaker meshes of 16 MB, the caster and the ArUco tags are left out or become boxes.
- The description gives the finger joints the limits 0..0. The real fingers are two bows that swing about pivots in the
  palm, 0.18 m behind rubber cups that give way until they lie flat. Here each finger slides instead, and carries a flat
  pad of the cup's size: its way (0.06 m) is what a cup goes sideways between closed and open, its pads stay parallel as
  the cups do, and a grasp between two flat pads is what Bullet's contacts do well. In pictures the bow is drawn swung.
- Inertias of less than 50 g are raised to a level at which 240 steps a second are stable.
Needs trimesh, scipy and fast-simplification (extra `assets`), like make_panda_meshes.py.
"""

from __future__ import annotations

import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from from_description import (
    Description,
    add_box,
    add_hull,
    add_inertia,
    add_visual,
    copy_joint,
    decimate,
    inertia_of,
    matrix,
    origin,
)  # fmt: skip
from make_mobile_panda import DRIVE, add_joint, box
from make_mobile_panda import MASS as BASE_MASS

HERE = Path(__file__).parent
TARGET = HERE / "stretch"
KINEMATICS = HERE.parents[1] / "robots" / "assets"
URDF = "SE3/stretch_description_SE3_eoa_wrist_dw3_tool_sg3.urdf"

# Links that stay links, from the base outwards; all others become part of the one that they are fixed to.
KEPT = (
    "base_link", "link_lift", "link_arm_l3", "link_arm_l2", "link_arm_l1", "link_arm_l0", "link_wrist_yaw",
    "link_wrist_pitch", "link_wrist_roll", "link_head_pan", "link_head_tilt",
)  # fmt: skip
# (link of the description, colour, faces to keep, whether it collides)
MESHES = (
    ("base_link", "dark", 1100, True), ("link_right_wheel", "grey", 160, False),
    ("link_left_wheel", "grey", 160, False),
    ("link_mast", "light", 60, True), ("link_head", "dark", 500, True), ("laser", "dark", 90, True),
    ("respeaker_base", "dark", 120, False), ("link_lift", "dark", 700, True), ("link_arm_l4", "grey", 260, True),
    ("link_arm_l3", "light", 180, True), ("link_arm_l2", "light", 160, True), ("link_arm_l1", "light", 160, True),
    ("link_arm_l0", "grey", 380, True), ("link_wrist_yaw", "dark", 240, True),
    ("link_wrist_yaw_bottom", "dark", 260, True), ("link_wrist_pitch", "dark", 300, True),
    ("link_wrist_roll", "grey", 120, False), ("link_gripper_s3_body", "dark", 700, True),
    ("gripper_camera_link", "light", 120, True), ("link_head_pan", "dark", 220, True),
    ("link_head_tilt", "dark", 600, True),
)  # fmt: skip
CAMERA_BOX = ((0.025, 0.09, 0.025), (-0.008, -0.0175, 0.0))  # of a D435i, in camera_link
# Frames that robots/assets keeps beside the links above.
FRAMES = (
    "link_mast", "link_arm_l4", "link_wrist_yaw_bottom", "link_gripper_s3_body", "link_head",
    "camera_bottom_screw_frame", "camera_link", "camera_color_frame", "camera_color_optical_frame",
    "gripper_camera_bottom_screw_frame", "gripper_camera_link", "gripper_camera_color_frame",
    "gripper_camera_color_optical_frame",
)  # fmt: skip

TOOL = (0.0, 0.0, 0.2152)  # the middle between the cups in link_gripper_s3_body
PAD = (0.0167, 0.036, 0.036)  # a cup: thickness, breadth, along the hand
FINGER_TRAVEL = 0.06
FLOOR_M = 0.004
"""The base has no wheels that it stands on: its hull ends so far above the floor."""
BOW_FACES, CUP_FACES = 260, 160


def add_finger_joint(root: ET.Element, side: str, parent: str, place: np.ndarray) -> None:
    """Fingers slide along the x axis of the hand's body, from where the pads touch at 0."""
    sign = 1 if side == "left" else -1
    joint = ET.SubElement(root, "joint", name=f"joint_gripper_finger_{side}", type="prismatic")
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=f"link_gripper_finger_{side}")
    ET.SubElement(joint, "origin", origin(place))
    ET.SubElement(joint, "axis", xyz=f"{sign} 0 0")
    ET.SubElement(joint, "limit", lower="0", upper=f"{FINGER_TRAVEL:g}", velocity="0.2", effort="40")


def finger(source: Description, root: ET.Element, side: str) -> None:
    """A pad that slides, with the cup before it; and the bow, drawn where the description has it at 0."""
    sign = 1.0 if side == "left" else -1.0
    link = ET.SubElement(root, "link", name=f"link_gripper_finger_{side}")
    thick, broad, long = PAD
    x = sign * thick / 2
    add_inertia(link, [(0.052, np.array([sign * 0.03, 0.0, 0.16]), 3e-5 * np.eye(3))])
    cup = source.mesh(f"link_gripper_fingertip_{side}")
    # The cup's own axis z points at the other finger: its face to x = 0, its middle to the tool point.
    turn = np.array([[0, 0, -sign, sign * float(cup.bounds[1, 2])], [0, 1, 0, 0], [sign, 0, 0, TOOL[2]], [0, 0, 0, 1]])
    cup.apply_transform(turn)
    add_visual(link, TARGET, f"cup_{side}", "rubber", *decimate(cup, CUP_FACES))
    add_box(link, (thick, broad, long), (x, 0.0, TOOL[2]))
    add_box(link, (0.012, 0.022, 0.13), (sign * (thick + 0.010), 0.0, TOOL[2] - 0.072))
    bow = source.mesh(f"link_gripper_finger_{side}")
    bow.apply_transform(source.up_to(f"link_gripper_finger_{side}", ("link_gripper_s3_body",))[1])
    pivot = matrix(source.joints[f"link_gripper_finger_{side}"].find("origin"))[:3, 3]
    bow.apply_translation(-pivot)
    drawn = ET.SubElement(root, "link", name=f"link_gripper_bow_{side}")
    add_inertia(drawn, [(0.05, np.zeros(3), 2e-5 * np.eye(3))])
    add_visual(drawn, TARGET, f"bow_{side}", "dark", *decimate(bow, BOW_FACES))
    joint = ET.SubElement(root, "joint", name=f"joint_gripper_bow_{side}", type="fixed")
    ET.SubElement(joint, "parent", link="link_wrist_roll")
    ET.SubElement(joint, "child", link=f"link_gripper_bow_{side}")
    hand = source.up_to("link_gripper_s3_body", KEPT)[1].copy()
    hand[:3, 3] += hand[:3, :3] @ pivot
    ET.SubElement(joint, "origin", origin(hand))


def simulation(source: Description) -> ET.Element:
    root = ET.Element("robot", name="stretch")
    ET.SubElement(root, "link", name="world")
    for name in ("base_x_link", "base_y_link"):
        mass, _, moments = BASE_MASS[name]
        add_inertia(ET.SubElement(root, "link", name=name), [(mass, np.zeros(3), np.diag(moments))])
    elements = {name: ET.SubElement(root, "link", name=name) for name in KEPT}
    parts: dict[str, list[tuple[float, np.ndarray, np.ndarray]]] = {name: [] for name in KEPT}
    for name, element in source.links.items():
        if "gripper_finger" in name or "fingertip" in name:
            continue
        kept, m = source.up_to(name, KEPT)
        part = inertia_of(element, m)
        if part is not None:
            parts[kept].append(part)
    for name in KEPT:
        add_inertia(elements[name], parts[name])
    for name, colour, faces, collides in MESHES:
        kept, m = source.up_to(name, KEPT)
        mesh = source.mesh(name)
        mesh.apply_transform(m)
        vertices, triangles = decimate(mesh, faces)
        add_visual(elements[kept], TARGET, name, colour, vertices, triangles)
        print(f"{name:24s} {len(mesh.faces):6d} -> {len(triangles):5d} faces, in {kept}")
        if collides:
            add_hull(elements[kept], TARGET, name, mesh, above_m=FLOOR_M if kept == "base_link" else -np.inf)
    kept, m = source.up_to("camera_link", KEPT)
    vertices, _, faces = box(*CAMERA_BOX)
    add_visual(elements[kept], TARGET, "camera", "light", vertices @ m[:3, :3].T + m[:3, 3], faces)
    for side in ("left", "right"):
        finger(source, root, side)
    for row in DRIVE:
        add_joint(root, row)
    for name in KEPT[1:]:
        parent, m = source.up_to(source.parent(name), KEPT)
        copy_joint(root, source.joints[name], parent, name, m @ matrix(source.joints[name].find("origin")))
    for side in ("left", "right"):
        add_finger_joint(root, side, "link_wrist_roll", source.up_to("link_gripper_s3_body", KEPT)[1])
    return root


def kinematics(source: Description) -> ET.Element:
    root = ET.Element("robot", name="stretch")
    kept = (*KEPT, *FRAMES)
    names = [name for name in source.links if name in kept]
    for name in (*names, "stretch_tool", "link_gripper_finger_left", "link_gripper_finger_right"):
        ET.SubElement(root, "link", name=name)
    for name in names:
        if name != "base_link":
            joint = source.joints[name]
            copy_joint(root, joint, source.parent(name), name, matrix(joint.find("origin")))
    tool = np.eye(4)
    tool[:3, :3], tool[:3, 3] = (
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
        TOOL,
    )  # its y along the opening, its z out of the hand
    fixed = ET.Element("joint", name="joint_stretch_tool", type="fixed")
    copy_joint(root, fixed, "link_gripper_s3_body", "stretch_tool", tool)
    for side in ("left", "right"):
        add_finger_joint(root, side, "link_gripper_s3_body", np.eye(4))
    return root


def main(folder: Path) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    (licence,) = folder.parent.glob("*.dist-info/LICENSE.md")
    shutil.copy(licence, TARGET / "LICENSE.md")
    source = Description(folder / URDF)
    for root, path in (
        (simulation(source), HERE / "stretch.urdf"),
        (kinematics(source), KINEMATICS / "stretch.urdf"),
    ):
        ET.indent(root)
        note = (
            "<!-- Made by sim/assets/make_stretch.py from hello-robot-stretch-urdf 0.1.2 (Clear BSD: see NOTICE). -->"
        )
        path.write_text(f'<?xml version="1.0"?>\n{note}\n{ET.tostring(root, encoding="unicode")}\n')
    print(f"{sum(p.stat().st_size for p in TARGET.iterdir()) / 1e3:.0f} KB in {TARGET}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
