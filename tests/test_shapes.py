"""Shapes: the sizes that the vocabulary promises, meshes without holes, and collision pieces that follow the meshes."""

from __future__ import annotations

import numpy as np
import pytest

from sim.lexicon import FOOTPRINT_M, HEIGHT_M, KINDS, SIZES
from sim.meshes import PANDA_URDF, Mesh, urdf_visuals
from sim.shapes import WALL_M, collision_pieces, dimensions, mesh, mesh_key

ALL = [(kind, size) for kind in KINDS for size in SIZES]


def volume_m3(key: str) -> float:
    """By the divergence theorem: right only for a closed mesh whose faces all look outwards."""
    corner = mesh(key).vertices[mesh(key).faces].astype(np.float64)
    return float(np.einsum("fi,fi->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) / 6)


@pytest.mark.parametrize(("kind", "size"), ALL)
def test_a_mesh_fills_its_dimensions_about_its_origin(kind: str, size: str) -> None:
    m, d = mesh(mesh_key(kind, size)), dimensions(kind, size)
    assert m.vertices.dtype == m.normals.dtype == np.float32
    assert m.faces.dtype == np.int32
    half = np.array([d.width_m, d.width_m, d.height_m]) / 2
    np.testing.assert_allclose(m.vertices.max(axis=0), half, atol=1e-6)
    np.testing.assert_allclose(m.vertices.min(axis=0), -half, atol=1e-6)
    assert (d.width_m, d.height_m) == (FOOTPRINT_M[kind, size], HEIGHT_M[kind, size])


@pytest.mark.parametrize(("kind", "size"), ALL)
def test_a_mesh_is_closed_and_its_normals_look_outwards(kind: str, size: str) -> None:
    m = mesh(mesh_key(kind, size))
    points, corner = np.unique(np.round(m.vertices, 6) + np.float32(0), axis=0, return_inverse=True)
    faces = corner.reshape(-1)[m.faces]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward, count = np.unique(edges @ [len(points), 1], return_counts=True)
    backward = np.unique(edges @ [1, len(points)])
    np.testing.assert_array_equal(forward, backward)
    # A box is five slabs, which may share an edge; any other shape is one surface.
    assert kind == "box" or count.max() == 1
    a, b, c = np.moveaxis(m.vertices[m.faces], 1, 0)
    outward = np.einsum("fi,fi->f", np.cross(b - a, c - a), m.normals[m.faces].mean(axis=1))
    assert (outward > 0).all() or kind == "zone"
    np.testing.assert_allclose(np.linalg.norm(m.normals, axis=1), 1, atol=1e-5)


def test_volumes_are_those_of_geometry() -> None:
    assert volume_m3("block/small") == pytest.approx(0.032**3, rel=1e-5)
    # 28 sides instead of a circle lack 0.8 % of its area.
    assert volume_m3("cylinder/large") == pytest.approx(np.pi * 0.021**2 * 0.05, rel=0.01)
    outer, inner = 0.11**2 * 0.05, (0.11 - 2 * WALL_M) ** 2 * (0.05 - WALL_M)
    assert volume_m3("box/small") == pytest.approx(outer - inner, rel=1e-4)


@pytest.mark.parametrize("kind", ["bowl", "plate", "box"])
@pytest.mark.parametrize("size", SIZES)
def test_a_container_is_hollow_to_the_eye_and_to_the_touch(kind: str, size: str) -> None:
    d = dimensions(kind, size)
    m = mesh(mesh_key(kind, size))
    assert height_at(m, np.array([0.003, 0.002])) == pytest.approx(WALL_M - d.height_m / 2)
    probe = np.array([0.0, 0.0, WALL_M - d.height_m / 2 + 0.002])
    np.testing.assert_array_equal(inside(kind, size, np.array([probe, probe - [0, 0, 0.004]])), [False, True])


@pytest.mark.parametrize(("kind", "size"), [(k, s) for k, s in ALL if k != "zone"])
def test_collision_follows_the_mesh_within_2_mm(kind: str, size: str) -> None:
    """A point 2 mm under the surface touches something; a point 2 mm above it touches nothing."""
    m = mesh(mesh_key(kind, size))
    corner = m.vertices[m.faces].astype(np.float64)
    middle = corner.mean(axis=1)
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    assert inside(kind, size, middle - 0.002 * normal).all()
    between_slabs = inside(kind, size, middle + 1e-5 * normal) & (kind == "box")
    assert not (inside(kind, size, middle + 0.002 * normal) & ~between_slabs).any()


def height_at(m: Mesh, xy_m: np.ndarray) -> float:
    """Of the topmost face over a point."""
    corner = m.vertices[m.faces].astype(np.float64)
    edge, away = (np.roll(corner, -1, axis=1) - corner)[..., :2], xy_m - corner[..., :2]
    over = (edge[..., 0] * away[..., 1] > edge[..., 1] * away[..., 0]).all(axis=1)
    return float(corner[over].mean(axis=1)[:, 2].max())


def inside(kind: str, size: str, points: np.ndarray) -> np.ndarray:
    """Which of points [N,3] some collision piece holds, bool[N]."""
    found = np.zeros(len(points), dtype=bool)
    for piece in collision_pieces(kind, size):
        local, half = piece.shape_T_piece.inverse().apply(points), np.array(piece.half_extents_m) + 1e-6
        if piece.form == "cylinder":
            found |= (np.hypot(local[:, 0], local[:, 1]) <= half[0]) & (np.abs(local[:, 2]) <= half[2])
        else:
            found |= (np.abs(local) <= half).all(axis=1)
    return found


def test_a_zone_is_only_painted() -> None:
    assert collision_pieces("zone", "small") == ()


def test_the_top_of_the_table_is_the_plane_z_0() -> None:
    assert mesh("table").vertices[:, 2].max() == 0


def test_an_unknown_shape_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no shape 'teapot' .* block, cylinder, bowl"):
        dimensions("teapot", "small")


def test_the_panda_is_small_and_whole() -> None:
    visuals = urdf_visuals()
    assert {"panda_link0", "panda_link7", "panda_hand", "panda_leftfinger", "panda_rightfinger"} <= {
        v.link for v in visuals
    }
    assert 4_000 < sum(len(mesh(v.mesh_key).faces) for v in visuals) < 9_000
    assert sum(p.stat().st_size for p in [PANDA_URDF, *(PANDA_URDF.parent / "panda").iterdir()]) < 500_000


def test_the_panda_moves_as_the_one_it_was_made_from() -> None:
    pybullet = pytest.importorskip("pybullet")
    pybullet_data = pytest.importorskip("pybullet_data")
    client = pybullet.connect(pybullet.DIRECT)
    try:
        ours, theirs = (
            pybullet.loadURDF(str(path), useFixedBase=True, physicsClientId=client)
            for path in (PANDA_URDF, f"{pybullet_data.getDataPath()}/franka_panda/panda.urdf")
        )
        joints = pybullet.getNumJoints(theirs, physicsClientId=client)
        assert pybullet.getNumJoints(ours, physicsClientId=client) == joints == 12
        for joint in range(joints):
            a, b = (pybullet.getJointInfo(body, joint, physicsClientId=client) for body in (ours, theirs))
            assert a == b
    finally:
        pybullet.disconnect(physicsClientId=client)
