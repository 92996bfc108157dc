"""Objects and the table as PyBullet bodies: shapes, masses, friction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pybullet as p

from robots.geometry import Pose
from sim import shapes
from sim.lexicon import MOVABLE_KINDS, RGB
from sim.meshes import ASSETS
from sim.scenes import ObjectSpec

MASS_KG = {"block": 0.05, "cylinder": 0.05, "bowl": 0.4, "plate": 0.4, "box": 0.4, "zone": 0.0}
FRICTION = {"block": 0.9, "cylinder": 0.9, "bowl": 0.8, "plate": 0.8, "box": 0.8, "zone": 0.8}
"""Lateral; Bullet multiplies the coefficients of two bodies in contact."""
TABLE_FRICTION = 0.8
ROLLING_FRICTION = 1e-3
SPINNING_FRICTION = 1e-3
"""Metres: the lever arm of a contact patch. Stops a cylinder on its side within a hand's breadth."""

MOST_PIECES = 16
"""PyBullet's createCollisionShapeArray silently drops what comes after so many."""
COLLISION = ASSETS / "collision"
"""Shapes of more pieces, written by assets/make_collision.py."""
_CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))
_SIDES = 24  # of round pieces


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """A named object and its PyBullet id. centre_T_bottom: middle of the bounding box to middle of the underside."""

    spec: ObjectSpec
    id: int
    width_m: float
    height_m: float
    centre_T_bottom: Pose

    @property
    def graspable(self) -> bool:
        return self.spec.kind in MOVABLE_KINDS


def make_table(client: int, rgb: RGB, *, visuals: bool) -> int:
    """A box whose top is z = 0; the first body of the client, so its id is 0."""
    half = [s / 2 for s in shapes.TABLE_SIZE_M]
    shape = p.createCollisionShape(p.GEOM_BOX, halfExtents=half, physicsClientId=client)
    look = _visual(client, "table", rgb) if visuals else -1
    if visuals:  # its mesh is in world coordinates, the box in its own
        p.createMultiBody(0.0, -1, look, physicsClientId=client)
    body: int = p.createMultiBody(0.0, shape, -1, basePosition=shapes.TABLE_CENTRE_M, physicsClientId=client)
    p.changeDynamics(body, -1, lateralFriction=TABLE_FRICTION, rollingFriction=ROLLING_FRICTION,
                     spinningFriction=SPINNING_FRICTION, restitution=0.0, physicsClientId=client)  # fmt: skip
    return body


def make_body(client: int, spec: ObjectSpec, world_T_bottom: Pose, *, visuals: bool) -> Body:
    """An object standing at `world_T_bottom`. A zone is paint: it never moves and nothing collides with it."""
    size = shapes.dimensions(spec.kind, spec.size)
    centre_T_bottom = Pose.from_xyz_yaw([0.0, 0.0, -size.height_m / 2])
    centre = world_T_bottom @ centre_T_bottom.inverse()
    shape = _collision(client, spec.kind, spec.size)
    look = _visual(client, shapes.mesh_key(spec.kind, spec.size), spec.rgb) if visuals else -1
    # Maximal coordinates: a plain rigid body, twice as fast as a multibody of one link, and able to fall asleep.
    body: int = p.createMultiBody(
        MASS_KG[spec.kind], shape, look, basePosition=centre.xyz, baseOrientation=centre.quat_xyzw,
        useMaximalCoordinates=shape >= 0, physicsClientId=client,
    )  # fmt: skip
    if shape >= 0:
        p.changeDynamics(
            body, -1, lateralFriction=FRICTION[spec.kind], rollingFriction=ROLLING_FRICTION,
            spinningFriction=SPINNING_FRICTION, restitution=0.0, linearDamping=0.02, angularDamping=0.05,
            activationState=p.ACTIVATION_STATE_ENABLE_SLEEPING, physicsClientId=client,
        )  # fmt: skip
    return Body(spec=spec, id=body, width_m=size.width_m, height_m=size.height_m, centre_T_bottom=centre_T_bottom)


def _collision(client: int, kind: str, size: str) -> int:
    pieces = shapes.collision_pieces(kind, size)
    if not pieces:
        return -1
    first = pieces[0]
    if len(pieces) == 1 and not np.any(first.shape_T_piece.xyz):
        x, y, z = first.half_extents_m
        if first.form == "box":
            return int(p.createCollisionShape(p.GEOM_BOX, halfExtents=[x, y, z], physicsClientId=client))
        return int(p.createCollisionShape(p.GEOM_CYLINDER, radius=x, height=2 * z, physicsClientId=client))
    if len(pieces) > MOST_PIECES:
        path = str(COLLISION / f"{kind}_{size}.obj")
        return int(p.createCollisionShape(p.GEOM_MESH, fileName=path, physicsClientId=client))
    return int(
        p.createCollisionShapeArray(
            shapeTypes=[p.GEOM_BOX if c.form == "box" else p.GEOM_CYLINDER for c in pieces],
            halfExtents=[list(c.half_extents_m) for c in pieces],
            radii=[c.half_extents_m[0] for c in pieces],
            lengths=[2 * c.half_extents_m[2] for c in pieces],
            collisionFramePositions=[c.shape_T_piece.xyz.tolist() for c in pieces],
            collisionFrameOrientations=[c.shape_T_piece.quat_xyzw.tolist() for c in pieces],
            physicsClientId=client,
        )
    )


def collision_obj(pieces: Sequence[shapes.Piece]) -> str:
    """Pieces as the text of an OBJ file, a group each; PyBullet collides with the hull of every group."""
    lines, first = [], 1
    for number, piece in enumerate(pieces):
        x, y, z = piece.half_extents_m
        if piece.form == "box":
            corners = np.array([[sx * x, sy * y, sz * z] for sz in (-1, 1) for sx, sy in _CORNERS])
        else:
            angle = 2 * np.pi * np.arange(_SIDES) / _SIDES
            ring = np.column_stack([x * np.cos(angle), x * np.sin(angle)])
            corners = np.concatenate([np.column_stack([ring, np.full(_SIDES, sz * z)]) for sz in (-1, 1)])
        lines.append(f"o piece{number}")
        lines += [f"v {a:.6f} {b:.6f} {c:.6f}" for a, b, c in piece.shape_T_piece.apply(corners)]
        # Hulls are made of the corners alone: a fan names them all.
        lines += [f"f {first} {first + i} {first + i + 1}" for i in range(1, len(corners) - 1)]
        first += len(corners)
    return "\n".join(lines) + "\n"


def _visual(client: int, key: str, rgb: RGB) -> int:
    mesh = shapes.mesh(key)
    return int(
        p.createVisualShape(
            p.GEOM_MESH, vertices=mesh.vertices.tolist(), normals=mesh.normals.tolist(),
            indices=mesh.faces.ravel().tolist(), rgbaColor=[*rgb, 1.0], physicsClientId=client,
        )
    )  # fmt: skip
