"""The map that a robot is given of a kitchen: its walls and furniture as boxes, what they are for, and where to
stand."""

from __future__ import annotations

import numpy as np

from robots.geometry import Pose
from robots.places import Button, Handle, RoomMap, Solid, Surface
from robots.places import Standing as Stand
from sim.kitchen.furniture import BASE
from sim.kitchen.setting import KitchenSetting, Standing
from sim.kitchen.shell import wall_boxes

STAND_HALF_M = (0.10, 0.10)


def room_map(setting: KitchenSetting) -> RoomMap:
    """Everything shut, as `robots.places` wants it. Names are the room's; a round piece is given by the box around
    it."""
    (x, y), (width, depth) = setting.corner_xy_m, setting.size_m
    corner = np.array([x, y, 0.0])
    walls = [
        Solid(name="wall", pose=Pose.from_xyz_yaw(corner + np.add(a, b) / 2), half_m=np.subtract(b, a) / 2)
        for a, b in wall_boxes(width, depth)
    ]
    solids: list[Solid] = walls
    surfaces: list[Surface] = []
    handles: list[Handle] = []
    buttons: list[Button] = []
    stands: list[Stand] = []
    for s in setting.furniture:
        solids += _solids(setting, s)
        for surface in s.unit.surfaces:
            pose = setting.part_pose(s, surface.part, 0.0) @ Pose.from_xyz_yaw(surface.centre_m)
            inside = s.called(surface.inside) if surface.inside else ""
            name = s.called(surface.name)
            surfaces.append(
                Surface(
                    name=name,
                    pose=pose,
                    half_m=surface.half_m,
                    headroom_m=surface.headroom_m,
                    inside=inside,
                    enclosed=surface.enclosed,
                    walls_m=surface.deep_m if surface.enclosed else 0.0,
                )
            )
        handles += _handles(setting, s)
        buttons += _buttons(setting, s)
        names = dict.fromkeys((s.name, *(s.called(surface.name) for surface in s.unit.surfaces)))
        stands += [Stand(name=name, pose=s.front, half_m=STAND_HALF_M) for name in names if s.unit.noun != "corner"]
    return RoomMap(
        area_m=(x, y, x + width, y + depth), solids=tuple(solids), surfaces=tuple(surfaces), handles=tuple(handles),
        buttons=tuple(buttons), standings=tuple(stands),
    )  # fmt: skip


def _solids(setting: KitchenSetting, s: Standing) -> list[Solid]:
    return [
        Solid(
            name=s.name,
            pose=setting.part_pose(s, part.name, 0.0) @ piece.shape_T_piece,
            half_m=np.array(piece.half_extents_m),
            part="" if part.name == BASE else s.called(part.name),
        )
        for part in s.unit.parts
        for piece in part.pieces
    ]


def _handles(setting: KitchenSetting, s: Standing) -> list[Handle]:
    found = []
    for handle in s.unit.handles:
        part = s.unit.part(handle.part)
        found.append(
            Handle(
                part=s.called(handle.part), pose=setting.part_pose(s, part.name, 0.0) @ handle.part_T_grasp,
                width_m=handle.width_m, length_m=handle.length_m, turns=part.joint == "turn",
                axis=s.pose.rotation @ np.array(part.axis), at_m=s.pose.apply(part.at_m), travel=part.travel,
            )
        )  # fmt: skip
    return found


def _buttons(setting: KitchenSetting, s: Standing) -> list[Button]:
    found = []
    for button in s.unit.buttons:
        pose = setting.part_pose(s, button.part, 0.0)
        along = pose.rotation @ np.array(button.along)
        found.append(Button(switch=s.called(button.switch), point_m=pose.apply(button.point_m), along=along))
    return found
