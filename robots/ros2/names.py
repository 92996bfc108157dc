"""How ROS 2 names become names of DDS, as rmw_cyclonedds does it (design.ros2.org, "Topic and service name mapping").

>>> topic("/stretch/cmd_vel"), message_type("geometry_msgs/msg/Twist")
('rt/stretch/cmd_vel', 'geometry_msgs::msg::dds_::Twist_')
>>> request("/runstop"), reply("/runstop"), service_type("std_srvs/srv/SetBool", "Request")
('rq/runstopRequest', 'rr/runstopReply', 'std_srvs::srv::dds_::SetBool_Request_')
"""

from __future__ import annotations

import re

_NAME = re.compile(r"/?[A-Za-z_~][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


def topic(name: str) -> str:
    """The DDS topic of a ROS topic."""
    return f"rt/{_checked(name)}"


def request(service: str) -> str:
    """The DDS topic on which a service is asked."""
    return f"rq/{_checked(service)}Request"


def reply(service: str) -> str:
    """The DDS topic on which a service answers."""
    return f"rr/{_checked(service)}Reply"


def message_type(name: str) -> str:
    """The DDS type of a message `package/msg/Name`."""
    package, kind, short = name.split("/")
    return f"{package}::{kind}::dds_::{short}_"


def service_type(name: str, half: str) -> str:
    """The DDS type of one half, Request or Response, of a service `package/srv/Name`."""
    return message_type(f"{name}_{half}")


def _checked(name: str) -> str:
    """A ROS name without its first slash.

    Raises:
        ValueError: ROS has no such names.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name in ROS: letters, digits and _ between slashes")
    return name.removeprefix("/")
