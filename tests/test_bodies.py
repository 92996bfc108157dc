"""What things collide as: every convex piece of every shape is really there."""

from __future__ import annotations

import numpy as np
import pybullet as p
import pytest

from sim.bodies import collision_obj
from sim.lexicon import KINDS, SIZES
from sim.scenes import scene_from_names
from sim.shapes import COLLISION, MOST_PIECES, collision_pieces, dimensions
from sim.world import World

HOLLOW = [(kind, size) for kind in ("bowl", "plate", "box") for size in SIZES]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_shapes_of_many_pieces_have_their_file(kind: str, size: str) -> None:
    """As sim/assets/make_collision.py writes it; beyond 16 pieces PyBullet's other way drops some without a word."""
    pieces = collision_pieces(kind, size)
    path = COLLISION / f"{kind}_{size}.obj"
    assert path.exists() == (len(pieces) > MOST_PIECES)
    if path.exists():
        assert path.read_text() == collision_obj(pieces)


@pytest.mark.parametrize(("kind", "size"), HOLLOW)
def test_walls_go_all_round_up_to_the_rim(kind: str, size: str) -> None:
    world = World()
    world.reset(scene_from_names([f"{size} green {kind}"], 5))
    name = world.names[0]
    pose, d = world.pose(name), dimensions(kind, size)
    for share in (0.3, 0.6, 0.95):
        z = share * d.height_m
        for angle in np.radians(np.arange(0.0, 360.0, 10.0)):
            out = np.array([np.cos(angle), np.sin(angle), 0.0])
            ray = pose.apply([0.15 * out + [0, 0, z], [0, 0, z]])
            body, _, _, hit, _ = p.rayTest(ray[0].tolist(), ray[1].tolist(), physicsClientId=world.client)[0]
            assert body == world.body_id(name)
            x, y, _ = pose.inverse().apply(hit)
            reach = max(abs(x), abs(y)) if kind == "box" else float(np.hypot(x, y))
            # 16 flat staves reach out by 2 % at their edges; hulls have a margin of 1 mm.
            assert 0.6 * d.width_m / 2 < reach < 1.02 * d.width_m / 2 + 0.0015
    # And it is hollow: from above the ray meets the floor.
    top = pose.apply([[0.0, 0.0, 0.2], [0.0, 0.0, 0.0]])
    hit = p.rayTest(top[0].tolist(), top[1].tolist(), physicsClientId=world.client)[0][3]
    assert hit[2] < 0.008
    world.close()
