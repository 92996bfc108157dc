"""The kernel's balls against the meshes: configurations that it lets pass, in which links meet nevertheless."""

from __future__ import annotations

import numpy as np
import pybullet as p
import pytest

from benchmarks.safety import DEPTH_M, ROBOTS, Pen, PenScene, Witness
from robots.limits import HandSpace
from robots.safety import SafetyConfig
from robots.safety.clearance import Clearances
from sim.render_tiny import TinyRenderer
from sim.robot import SimRobot
from sim.world import World

TRIED, AT_ONCE = 2500, 500
NEAR_M = 0.08
MOST = 1
"""Of those tried. With rare pairs left out, as once, mobile_panda had four in expectation (225 of 128,407 tried)."""


@pytest.mark.parametrize("name", ROBOTS)
def test_what_the_kernel_lets_pass_does_not_meet(name: str) -> None:
    spec = ROBOTS[name]()
    rng, tried, met = np.random.default_rng(11), 0, []
    clear, hand = Clearances(spec, SafetyConfig(touch=False)), HandSpace(spec)
    sim = SimRobot(World(spec=spec), TinyRenderer())
    try:
        sim.reset(PenScene(setting=Pen(drives=spec.base is not None)))
        witness, arm, client = Witness(sim), sim.world.arm, sim.world.client
        while tried < TRIED:
            q = rng.uniform(spec.q_lower_rad, spec.q_upper_rad, (AT_ONCE, spec.dof))
            apart, centres = clear._apart(q)
            low = centres[:, clear._low, 2] - clear._radii[clear._low]
            passed = ((apart - clear._self_need).min(axis=1) >= 0) & (low.min(axis=1) >= 0)
            for one in q[passed & (apart.min(axis=1) < NEAR_M)]:
                if hand.outside_m(one) > 0:
                    continue
                tried += 1
                arm.teleport(one, 0.0 if tried % 2 else spec.gripper_max_width_m)
                p.performCollisionDetection(physicsClientId=client)
                worst = min(((witness._gap(a, b), a, b) for a, b in witness._pairs), default=(0.0, 0, 0))
                if worst[0] < -DEPTH_M:
                    met.append((worst, np.round(one, 3).tolist()))
    finally:
        sim.close()
    assert len(met) <= MOST, met
