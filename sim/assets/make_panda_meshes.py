"""Make panda/ and panda.urdf from the Panda of `pybullet_data` (Franka Emika, Apache-2.0).

Each link becomes one small OBJ for each of its two colours, with normals that keep creases, and one convex hull for
collision. The URDF keeps every link, joint, limit and inertia of the original; only shapes and paths change, and each
finger collides as boxes, so that a grasp has flat pads. Needs trimesh, scipy and fast-simplification (extra `assets`).
"""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import fast_simplification  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
import pybullet_data
import trimesh  # type: ignore[import-not-found,import-untyped,unused-ignore]

SOURCE = Path(pybullet_data.getDataPath()) / "franka_panda"
TARGET = Path(__file__).parent / "panda"
RGB = {"white": (0.92, 0.92, 0.93), "dark": (0.26, 0.26, 0.28)}
CREASE_RAD = np.deg2rad(35.0)
# Faces to keep of each link; those seen closest keep more.
FACES = {
    "link0": 200, "link1": 420, "link2": 420, "link3": 600, "link4": 640, "link5": 800, "link6": 1000, "link7": 200,
    "hand": 900, "finger": 320,
}  # fmt: skip
HULL_FACES = 120
# The inner face of a pad is the plane y = 0 of its finger. (size, centre) in metres, read off the visual mesh.
FINGER_BOXES = (((0.018, 0.014, 0.0186), (0.0, 0.007, 0.0445)), ((0.0208, 0.0110, 0.036), (0.0, 0.0205, 0.018)))


def read_obj(path: Path, colours: dict[str, str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Triangles of an OBJ by colour: {colour: (vertices float64[V,3], faces int64[F,3])}, equal vertices merged."""
    vertices: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    colour = "white"
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(w) for w in words[1:4]])
        elif words[0] == "usemtl":
            colour = colours.get(words[1], "white")
        elif words[0] == "f":
            corner = [int(w.split("/")[0]) - 1 for w in words[1:]]
            faces.setdefault(colour, []).extend([corner[0], a, b] for a, b in pairwise(corner[1:]))
    points, index = np.unique(np.round(np.array(vertices), 5), axis=0, return_inverse=True)
    groups = {}
    for name, triangles in faces.items():
        triangle = index.reshape(-1)[np.array(triangles)]
        area = np.linalg.norm(np.cross(*(points[triangle[:, k]] - points[triangle[:, 0]] for k in (1, 2))), axis=1)
        used, local = np.unique(triangle[area > 1e-10], return_inverse=True)
        groups[name] = (points[used], local.reshape(-1, 3))
    return groups


def read_colours(path: Path) -> dict[str, str]:
    """Which of our two colours a material of an MTL file is nearest to."""
    colours, name = {}, ""
    for line in path.read_text().splitlines() if path.exists() else ():
        words = line.split()
        if words[:1] == ["newmtl"]:
            name = words[1]
        elif words[:1] == ["Kd"]:
            colours[name] = "dark" if np.mean([float(w) for w in words[1:4]]) < 0.3 else "white"
    return colours


def corner_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals float64[F,3,3] of each face's corners: the mean over neighbours bent by less than the crease."""
    area = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    unit = area / np.linalg.norm(area, axis=1, keepdims=True)
    around: list[list[int]] = [[] for _ in vertices]
    for f, face in enumerate(faces):
        for v in face:
            around[v].append(f)
    normals = np.empty((len(faces), 3, 3))
    for f, face in enumerate(faces):
        for k, v in enumerate(face):
            near = np.array(around[v])
            near = near[unit[near] @ unit[f] > np.cos(CREASE_RAD)]
            normals[f, k] = area[near].sum(axis=0)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    return normals


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray | None = None) -> None:
    """0.05 mm are kept of positions and 0.005 of normals, which no picture shows."""
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in vertices]
    if normals is None:
        lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    else:
        unique, index = np.unique(np.round(normals.reshape(-1, 3), 2) + 0.0, axis=0, return_inverse=True)
        lines += [f"vn {x:g} {y:g} {z:g}" for x, y, z in unique]
        pairs = zip(faces + 1, index.reshape(-1, 3) + 1, strict=True)
        lines += ["f " + " ".join(f"{v}//{n}" for v, n in zip(face, normal, strict=True)) for face, normal in pairs]
    path.write_text("\n".join(lines) + "\n")


def make_visual(link: str) -> list[str]:
    """Write the decimated meshes of a link; returns the colours that it has."""
    source = SOURCE / "meshes" / "visual" / f"{link}.obj"
    if not source.exists():
        source = SOURCE / "meshes" / "collision" / f"{link}.obj"
    groups = read_obj(source, read_colours(source.with_suffix(".mtl")))
    area = {c: trimesh.Trimesh(v, f, process=False).area for c, (v, f) in groups.items()}
    for colour, (vertices, faces) in groups.items():
        keep = max(60, round(FACES[link] * area[colour] / sum(area.values())))
        if keep < len(faces):
            vertices, faces = fast_simplification.simplify(vertices, faces, target_count=keep, agg=3.0)
        vertices = np.round(np.asarray(vertices, dtype=np.float64), 4)
        edge = vertices[faces[:, 1:]] - vertices[faces[:, :1]]
        faces = faces[np.linalg.norm(np.cross(edge[:, 0], edge[:, 1]), axis=1) > 1e-9]
        write_obj(TARGET / f"{link}_{colour}.obj", vertices, faces, corner_normals(vertices, faces))
        print(f"{link:8s} {colour:6s} {len(groups[colour][1]):6d} -> {len(faces):5d} faces")
    return sorted(groups)


def make_hull(link: str) -> None:
    groups = read_obj(SOURCE / "meshes" / "collision" / f"{link}.obj", {})
    hull = trimesh.convex.convex_hull(np.concatenate([v for v, _ in groups.values()]))
    vertices, faces = np.asarray(hull.vertices), np.asarray(hull.faces)
    if len(faces) > HULL_FACES:
        vertices, faces = fast_simplification.simplify(vertices, faces, target_count=HULL_FACES)
    hull = trimesh.convex.convex_hull(vertices)
    write_obj(TARGET / f"{link}_hull.obj", np.asarray(hull.vertices), np.asarray(hull.faces))


def make_urdf(colours: dict[str, list[str]]) -> None:
    """The original URDF with our shapes in place of its own."""
    root = ET.fromstring((SOURCE / "panda.urdf").read_text())
    for link in root.iter("link"):
        visual = link.find("visual")
        if visual is None:
            continue
        mesh = visual.find("geometry/mesh")
        assert mesh is not None
        stem = Path(mesh.get("filename", "")).stem
        origin = visual.find("origin")
        for old in [*link.findall("visual"), *link.findall("collision")]:
            link.remove(old)
        for colour in colours[stem]:
            shape = add_shape(link, "visual", origin)
            ET.SubElement(shape, "mesh", filename=f"panda/{stem}_{colour}.obj")
            material = ET.SubElement(link.findall("visual")[-1], "material", name=f"panda_{colour}")
            ET.SubElement(material, "color", rgba=" ".join(f"{c:g}" for c in (*RGB[colour], 1)))
        if stem == "finger":
            sign = 1 if origin is None else -1  # the right finger is the left one, turned by pi about z
            for size, (x, y, z) in FINGER_BOXES:
                place = ET.Element("origin", rpy="0 0 0", xyz=f"{x:g} {sign * y:g} {z:g}")
                ET.SubElement(add_shape(link, "collision", place), "box", size=" ".join(f"{s:g}" for s in size))
        else:
            ET.SubElement(add_shape(link, "collision", origin), "mesh", filename=f"panda/{stem}_hull.obj")
    ET.indent(root)
    text = re.sub(r"\n\s*\n", "\n", ET.tostring(root, encoding="unicode"))
    note = "<!-- Made by make_panda_meshes.py from pybullet_data's franka_panda (Apache-2.0: panda/LICENSE.txt). -->"
    (TARGET.parent / "panda.urdf").write_text(f'<?xml version="1.0"?>\n{note}\n{text}\n')


def add_shape(link: ET.Element, tag: str, origin: ET.Element | None) -> ET.Element:
    """A new visual or collision of `link`; returns its geometry, to be filled."""
    shape = ET.SubElement(link, tag)
    if origin is not None:
        shape.append(origin)
    return ET.SubElement(shape, "geometry")


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    shutil.copy(SOURCE / "LICENSE.txt", TARGET)
    colours = {link: make_visual(link) for link in FACES}
    for link in FACES:
        if link != "finger":
            make_hull(link)
    make_urdf(colours)
    print(f"{sum(p.stat().st_size for p in TARGET.iterdir()) / 1e3:.0f} KB in {TARGET}")


if __name__ == "__main__":
    main()
