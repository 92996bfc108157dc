"""Make tiago_pro/, tiago_pro.urdf and its kinematics in robots/assets, from PAL Robotics' description of TIAGo Pro.

    pip download --no-deps example-robot-data==6.0.0 && unzip -d pkg example_robot_data-6.0.0-*.whl
    python sim/assets/make_tiago_pro.py pkg/cmeel.prefix/share/example-robot-data/robots/tiago_pro_description

Joint origins, axes, limits and link masses are the description's (Apache License 2.0, as its URDF says; that of the
older TIAGo says CC BY-NC-ND, which forbids what is done here). What differs, and why:
- One arm works, the right one. The left one is folded at the robot's side and fixed there.
- Links that are fixed to each other become one, their meshes decimated, a convex hull each for collision.
- The gripper's four-bar fingers keep their pads parallel, so the pads slide here, by as much as the real ones go aside
  (0.035 m each); the bars are drawn swung. The pads' tips, which come 16 mm forward in closing, stay where they are
  half open.
- The hand carries a depth camera, which the maker sells and the description lacks.
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
    origin,
)
from make_mobile_panda import DRIVE, add_joint, box
from make_mobile_panda import MASS as BASE_MASS

HERE = Path(__file__).parent
TARGET = HERE / "tiago_pro"
KINEMATICS = HERE.parents[1] / "robots" / "assets"
LEFT_ARM = (1.01, -2.22, -2.06, -2.06, -2.55, -1.39, 0.0)
"""rad: folded backwards at the robot's left side."""
HALF_OPEN, SHUT = 0.4, 0.8028514559173916
FOLDED = {f"arm_left_{i}_joint": q for i, q in enumerate(LEFT_ARM, 1)}
# Links that stay links, from the base outwards; all others become part of the one that they are fixed to.
ROOT = "base_footprint"
ARM = tuple(f"arm_right_{i}_link" for i in range(1, 8))
HAND = "arm_right_tool_link"
KEPT = (ROOT, "torso_lift_link", *ARM, HAND, "head_1_link", "head_2_link")
WHEELS = tuple(f"{a}_{b}" for a in ("front", "rear") for b in ("right", "left"))
# (link of the description, colour, faces to keep, whether it collides)
MESHES = (
    ("base_link", "light", 700, True),
    *((f"wheel_{w}_link", "dark", 90, False) for w in WHEELS),
    ("torso_base_link", "dark", 260, True),
    ("torso_lift_link", "light", 700, True),
    ("head_1_link", "dark", 200, True), ("head_2_link", "light", 500, True),
    *((f"arm_{side}_{i}_link", "dark", faces, True)
      for side in ("left", "right") for i, faces in enumerate((220, 200, 220, 200, 160, 160, 160), 1)),
    ("gripper_left_base_link", "grey", 160, True), ("gripper_right_base_link", "grey", 160, True),
    *((f"gripper_left_{part}_{side}_link", "grey", 60, False)
      for part in ("inner_finger", "outer_finger", "fingertip") for side in ("left", "right")),
)  # fmt: skip
COLUMN_BOX = ((0.18, 0.20, 0.55), (0.0, 0.0, 0.275))  # of torso_fixed_column_link, as described
CAMERA_BOX = ((0.025, 0.09, 0.025), (0.004, -0.0175, 0.0))  # of a D435, in head_front_camera_link
WRIST_BOX = ((0.025, 0.042, 0.023), (0.062, 0.0, 0.048))  # of a D405, in the hand
TILT = np.deg2rad(25.0)
LENS = (0.075, 0.0, 0.055)  # in the hand; it looks along the fingers, tilted towards their tips
TOOL_M = 0.152  # from the hand's flange to the middle of what the pads hold between them
TRAVEL_M = 0.035
PAD = (0.0125, 0.020, 0.050)  # thickness, breadth, along the hand
MASSES = (0.07, 0.05)  # kg: of a finger as it slides; of a bar that is drawn


def side_of(link: ET.Element, size: tuple[float, ...], centre: tuple[float, ...], name: str, m: np.ndarray) -> None:
    vertices, _, faces = box(size, centre)
    add_visual(link, TARGET, name, "dark", vertices @ m[:3, :3].T + m[:3, 3], faces)


def finger(source: Description, root: ET.Element, side: str) -> None:
    """A pad that slides, drawn as the description's, and its two bars, which swing."""
    sign = -1.0 if side == "left" else 1.0
    link = ET.SubElement(root, "link", name=f"gripper_{side}_finger")
    add_inertia(link, [(MASSES[0], np.array([0.0, sign * 0.015, TOOL_M]), 3e-5 * np.eye(3))])
    pad = source.mesh(f"gripper_right_fingertip_{side}_link")
    m = source.up_to(f"gripper_right_fingertip_{side}_link", (HAND,))[1]
    pad.apply_transform(m)
    inner = pad.bounds[1, 1] if sign < 0 else pad.bounds[0, 1]
    pad.apply_translation([0.0, -inner, 0.0])
    add_visual(link, TARGET, f"pad_{side}", "rubber", *decimate(pad, 120))
    thick, broad, long = PAD
    add_box(link, (broad, thick, long), (0.0, sign * thick / 2, float(pad.bounds[1, 2]) - long / 2))
    for bar in ("inner", "outer"):
        name = f"gripper_right_{bar}_finger_{side}_link"
        drawn = ET.SubElement(root, "link", name=name)
        add_inertia(drawn, [(MASSES[1], np.zeros(3), 2e-5 * np.eye(3))])
        add_visual(drawn, TARGET, f"bar_{bar}_{side}", "grey", *decimate(source.mesh(name), 60))
        joint = ET.SubElement(root, "joint", name=f"gripper_{bar}_{side}", type="fixed")
        ET.SubElement(joint, "parent", link=HAND)
        ET.SubElement(joint, "child", link=name)
        shut = Description(source.path, {**source.at, "gripper_right_finger_joint": SHUT})
        ET.SubElement(joint, "origin", origin(shut.up_to(name, (HAND,))[1]))


def add_finger_joint(root: ET.Element, side: str) -> None:
    """Fingers slide along the y axis of the hand, from where the pads touch at 0."""
    joint = ET.SubElement(root, "joint", name=f"gripper_{side}_slide", type="prismatic")
    ET.SubElement(joint, "parent", link=HAND)
    ET.SubElement(joint, "child", link=f"gripper_{side}_finger")
    ET.SubElement(joint, "axis", xyz=f"0 {'-1' if side == 'left' else '1'} 0")
    ET.SubElement(joint, "limit", lower="0", upper=f"{TRAVEL_M:g}", velocity="0.2", effort="40")


def chain(source: Description, root: ET.Element) -> None:
    """The joints between the links that are kept."""
    for name in KEPT[1:]:
        parent, m = source.up_to(source.parent(name), KEPT)
        copy_joint(root, source.joints[name], parent, name, m @ source.place(name))


def simulation(source: Description) -> ET.Element:
    root = ET.Element("robot", name="tiago_pro")
    ET.SubElement(root, "link", name="world")
    for name in ("base_x_link", "base_y_link"):
        mass, _, moments = BASE_MASS[name]
        add_inertia(ET.SubElement(root, "link", name=name), [(mass, np.zeros(3), np.diag(moments))])
    elements = {name: ET.SubElement(root, "link", name=name) for name in KEPT}
    parts: dict[str, list[tuple[float, np.ndarray, np.ndarray]]] = {name: [] for name in KEPT}
    for name, element in source.links.items():
        if name.startswith("gripper_right") and "finger" in name:
            continue
        kept, m = source.up_to(name, KEPT)
        part = inertia_of(element, m)
        if part is not None:
            parts[kept].append(part)
    for name in KEPT:
        add_inertia(elements[name], parts[name] or [(0.05, np.zeros(3), 2e-5 * np.eye(3))])
    for name, colour, faces, collides in MESHES:
        kept, m = source.up_to(name, KEPT)
        mesh = source.mesh(name)
        mesh.apply_transform(m)
        vertices, triangles = decimate(mesh, faces)
        add_visual(elements[kept], TARGET, name, colour, vertices, triangles)
        print(f"{name:34s} {len(mesh.faces):6d} -> {len(triangles):5d} faces, in {kept}")
        if collides:
            add_hull(elements[kept], TARGET, name, mesh)
    column = source.up_to("torso_fixed_column_link", KEPT)[1]
    side_of(elements[ROOT], *COLUMN_BOX, "column", column)
    size, centre = COLUMN_BOX
    add_box(elements[ROOT], size, tuple((column @ [*centre, 1.0])[:3]))
    side_of(elements["head_2_link"], *CAMERA_BOX, "camera", source.up_to("head_front_camera_link", KEPT)[1])
    side_of(elements[HAND], *WRIST_BOX, "wrist_camera", np.eye(4))
    for side in ("left", "right"):
        finger(source, root, side)
    for row in DRIVE:
        add_joint(root, (*row[:3], ROOT if row[3] == "base_link" else row[3], *row[4:]))
    chain(source, root)
    for side in ("left", "right"):
        add_finger_joint(root, side)
    return root


def kinematics(source: Description) -> ET.Element:
    root = ET.Element("robot", name="tiago_pro")
    frames = ("head_front_camera_link", "wrist_camera_link", "tiago_pro_tool")
    for name in (*KEPT, *frames, "gripper_left_finger", "gripper_right_finger"):
        ET.SubElement(root, "link", name=name)
    chain(source, root)
    tool, lens = np.eye(4), np.eye(4)
    tool[2, 3] = TOOL_M  # its y is along the opening, its z out of the hand, as the flange's
    c, s = np.cos(TILT), np.sin(TILT)
    lens[:3, :3], lens[:3, 3] = np.array([[0, -c, -s], [1, 0, 0], [0, -s, c]]), LENS
    parent, m = source.up_to("head_front_camera_link", KEPT)
    for name, mount, place in (
        ("head_front_camera_link", parent, m), ("wrist_camera_link", HAND, lens), ("tiago_pro_tool", HAND, tool),
    ):  # fmt: skip
        copy_joint(root, ET.Element("joint", name=f"{name}_mount", type="fixed"), mount, name, place)
    for side in ("left", "right"):
        add_finger_joint(root, side)
    return root


def main(folder: Path) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    shutil.copy(HERE / "panda" / "LICENSE.txt", TARGET)  # the same licence
    source = Description(folder / "robots" / "tiago_pro.urdf", {**FOLDED, "gripper_right_finger_joint": HALF_OPEN})
    for root, path in (
        (simulation(source), HERE / "tiago_pro.urdf"),
        (kinematics(source), KINEMATICS / "tiago_pro.urdf"),
    ):
        ET.indent(root)
        note = "<!-- Made by sim/assets/make_tiago_pro.py from example-robot-data 6.0.0 (Apache 2.0: see NOTICE). -->"
        path.write_text(f'<?xml version="1.0"?>\n{note}\n{ET.tostring(root, encoding="unicode")}\n')
    print(f"{sum(p.stat().st_size for p in TARGET.iterdir()) / 1e3:.0f} KB in {TARGET}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
