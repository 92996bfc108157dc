"""A robot's topics as the configuration has them, composed once; and a domain that no other test has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from hydra.utils import instantiate

from agent.config import Arguments, options
from robots.ros2.config import Ros2Config


@cache
def composed(robot: str) -> Ros2Config:
    """As conf/robot/ROBOT.yaml has it."""
    found = options(Arguments(command="twin", raw={}, overrides=(f"robot={robot}",)))
    config = instantiate(found.robot, _convert_="all")
    assert isinstance(config, Ros2Config)
    return config


def configured(robot: str = "mobile_panda_ros2", **other: object) -> Ros2Config:
    """In a domain of its own, where none is given."""
    domain = int(np.random.default_rng().integers(10, 230))
    return replace(composed(robot), **{"domain": domain, **other})
