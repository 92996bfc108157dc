"""From somebody's robot description to our two files: links that are fixed to each other joined, meshes decimated.

Needs trimesh, scipy and fast-simplification (extra `assets`), like make_panda_meshes.py.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import fast_simplification  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
import trimesh  # type: ignore[import-not-found,import-untyped,unused-ignore]
from make_panda_meshes import corner_normals, write_obj

RGB = {
    "light": (0.80, 0.81, 0.82),
    "dark": (0.15, 0.15, 0.16),
    "grey": (0.42, 0.43, 0.45),
    "rubber": (0.30, 0.30, 0.31),
}
HULL_FACES = 60


def matrix(element: ET.Element | None) -> np.ndarray:
    """float64[4,4] of an `origin`."""
    if element is None:
        return np.eye(4)
    r, p, y = (float(v) for v in element.get("rpy", "0 0 0").split())
    m = trimesh.transformations.euler_matrix(r, p, y, "sxyz")
    m[:3, 3] = [float(v) for v in element.get("xyz", "0 0 0").split()]
    return m


def origin(m: np.ndarray) -> dict[str, str]:
    """The attributes of an `origin`, without the digits that are noise."""
    rpy = trimesh.transformations.euler_from_matrix(m, "sxyz")
    return {
        "xyz": " ".join(f"{round(v, 7) + 0.0:.8g}" for v in m[:3, 3]),
        "rpy": " ".join(f"{round(v, 8) + 0.0:.9g}" for v in rpy),
    }


class Description:
    """The description's links and joints by name."""

    def __init__(self, path: Path, at: Mapping[str, float] | None = None) -> None:
        """at: positions, rad or m, of joints that are to stand still elsewhere than at 0."""
        root = ET.parse(path).getroot()
        self.path, self.folder = path, path.parent
        self.at = dict(at or {})
        self.links = {k.get("name", ""): k for k in root.findall("link")}
        self.joints = {j.find("child").get("link", ""): j for j in root.findall("joint")}  # type: ignore[union-attr]

    def parent(self, link: str) -> str:
        return self.joints[link].find("parent").get("link", "")  # type: ignore[union-attr]

    def up_to(self, link: str, kept: tuple[str, ...]) -> tuple[str, np.ndarray]:
        """(the nearest link of `kept` that carries a link, kept_T_link with all joints where they stand still)."""
        m = np.eye(4)
        while link not in kept:
            m = self.place(link) @ m
            link = self.parent(link)
        return link, m

    def place(self, link: str) -> np.ndarray:
        """float64[4,4], parent_T_link."""
        joint, m = self.joints[link], np.eye(4)
        leader = joint.find("mimic")
        name, share = (joint.get("name", ""), 1.0)
        if leader is not None:
            name, share = leader.get("joint", ""), float(leader.get("multiplier", "1"))
        value = share * self.at.get(name, 0.0)
        if value:
            axis = np.array([float(v) for v in joint.find("axis").get("xyz", "").split()])  # type: ignore[union-attr]
            if joint.get("type") == "prismatic":
                m[:3, 3] = value * axis
            else:
                m = trimesh.transformations.rotation_matrix(value, axis)
        return np.asarray(matrix(joint.find("origin")) @ m)

    def mesh(self, link: str) -> trimesh.Trimesh:
        """A link's visual mesh in the link's frame, equal corners merged."""
        visual = self.links[link].find("visual")
        element = visual.find("geometry/mesh")  # type: ignore[union-attr]
        name = element.get("filename", "")  # type: ignore[union-attr]
        # package://PACKAGE/... is in the PACKAGE that the description lies in.
        package = name.removeprefix("package://")
        inside = next((p.parent for p in self.folder.parents if p.name == package.split("/")[0]), self.folder)
        path = inside / package if package != name else self.folder / name
        mesh = trimesh.load(path, force="mesh")
        scale = [float(v) for v in element.get("scale", "1").split()]  # type: ignore[union-attr]
        mesh.apply_transform(np.diag([*(scale * 3)[:3], 1.0]))
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
        mesh.apply_transform(matrix(visual.find("origin")))  # type: ignore[union-attr]
        return mesh


def decimate(mesh: trimesh.Trimesh, faces: int) -> tuple[np.ndarray, np.ndarray]:
    """(vertices, faces) of about so many faces; of a heap of loose pieces, which can't be thinned out, the hull."""
    vertices, triangles = thin(mesh, faces)
    return (vertices, triangles) if len(triangles) < 2.2 * faces else thin(mesh.convex_hull, faces)


def thin(mesh: trimesh.Trimesh, faces: int) -> tuple[np.ndarray, np.ndarray]:
    vertices, triangles = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces)
    if faces < len(triangles):
        vertices, triangles = fast_simplification.simplify(vertices, triangles, target_count=faces, agg=4.0)
    vertices = np.round(np.asarray(vertices, dtype=np.float64), 4)
    edge = vertices[triangles[:, 1:]] - vertices[triangles[:, :1]]
    return vertices, triangles[np.linalg.norm(np.cross(edge[:, 0], edge[:, 1]), axis=1) > 1e-9]


def add_visual(link: ET.Element, target: Path, name: str, colour: str, vertices: np.ndarray, faces: np.ndarray) -> None:
    """target: the folder of the robot's meshes, which has the robot's name."""
    write_obj(target / f"{name}.obj", vertices, faces, corner_normals(vertices, faces))
    visual = ET.SubElement(link, "visual")
    ET.SubElement(ET.SubElement(visual, "geometry"), "mesh", filename=f"{target.name}/{name}.obj")
    material = ET.SubElement(visual, "material", name=f"{target.name}_{colour}")
    ET.SubElement(material, "color", rgba=" ".join(f"{c:g}" for c in (*RGB[colour], 1)))


def add_hull(link: ET.Element, target: Path, name: str, mesh: trimesh.Trimesh, *, above_m: float = -np.inf) -> None:
    """The convex hull as a collision shape, in the link's frame. above_m: nothing of it is lower than that; thinning a
    hull out pushes its corners outwards, by centimetres where it is large."""
    hull = mesh.convex_hull
    vertices, faces = np.asarray(hull.vertices), np.asarray(hull.faces)
    if len(faces) > HULL_FACES:
        vertices, faces = fast_simplification.simplify(vertices, faces, target_count=HULL_FACES)
    vertices = np.column_stack([vertices[:, :2], np.maximum(vertices[:, 2], above_m)])
    hull = trimesh.convex.convex_hull(vertices)
    write_obj(target / f"{name}_hull.obj", np.asarray(hull.vertices), np.asarray(hull.faces))
    collision = ET.SubElement(link, "collision")
    ET.SubElement(ET.SubElement(collision, "geometry"), "mesh", filename=f"{target.name}/{name}_hull.obj")


def add_box(link: ET.Element, size: tuple[float, ...], centre: tuple[float, ...]) -> None:
    collision = ET.SubElement(link, "collision")
    ET.SubElement(collision, "origin", xyz=" ".join(f"{c:g}" for c in centre), rpy="0 0 0")
    ET.SubElement(ET.SubElement(collision, "geometry"), "box", size=" ".join(f"{s:g}" for s in size))


def add_inertia(link: ET.Element, parts: list[tuple[float, np.ndarray, np.ndarray]]) -> None:
    """Of parts (mass, centre [3], inertia about it [3,3]) in the link's frame, as one body (Steiner)."""
    mass = sum(m for m, _, _ in parts)
    centre = sum(m * c for m, c, _ in parts) / mass
    total = np.zeros((3, 3))
    for m, c, inertia in parts:
        d = c - centre
        total += inertia + m * (d @ d * np.eye(3) - np.outer(d, d))
    total += max(0.0, 2e-5 - float(np.linalg.eigvalsh(total).min())) * np.eye(3)
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=" ".join(f"{c:.5g}" for c in centre), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=f"{max(mass, 0.05):.4g}")
    names = (("ixx", 0, 0), ("ixy", 0, 1), ("ixz", 0, 2), ("iyy", 1, 1), ("iyz", 1, 2), ("izz", 2, 2))
    ET.SubElement(inertial, "inertia", {n: f"{total[i, j]:.4g}" for n, i, j in names})


def inertia_of(link: ET.Element, m: np.ndarray) -> tuple[float, np.ndarray, np.ndarray] | None:
    """(mass, centre, inertia about it) of a link of the description, in the frame that `m` maps it to."""
    element = link.find("inertial")
    if element is None or float(element.find("mass").get("value", "0")) < 1e-4:  # type: ignore[union-attr]
        return None
    mass, raw = float(element.find("mass").get("value", "0")), element.find("inertia")  # type: ignore[union-attr]
    own = m @ matrix(element.find("origin"))
    i = {k: float(v) for k, v in raw.attrib.items()}  # type: ignore[union-attr]
    tensor = np.array([[i["ixx"], i["ixy"], i["ixz"]], [i["ixy"], i["iyy"], i["iyz"]], [i["ixz"], i["iyz"], i["izz"]]])
    # No body of that mass that fits into a sphere of 0.1 m has more: the cameras' tensors are 50 times too large.
    if mass < 0.1:
        tensor *= min(1.0, mass * 0.03**2 / float(np.trace(tensor)))
    return mass, own[:3, 3], own[:3, :3] @ tensor @ own[:3, :3].T


def copy_joint(root: ET.Element, source: ET.Element, parent: str, child: str, place: np.ndarray) -> None:
    joint = ET.SubElement(root, "joint", name=source.get("name", ""), type=source.get("type", ""))
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=child)
    ET.SubElement(joint, "origin", origin(place))
    if source.get("type") != "fixed":
        axis, limit = source.find("axis"), source.find("limit")
        ET.SubElement(joint, "axis", xyz=axis.get("xyz", ""))  # type: ignore[union-attr]
        joint.append(copy.deepcopy(limit))  # type: ignore[arg-type]
