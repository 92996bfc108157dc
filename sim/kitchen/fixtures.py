"""A kitchen as it stands in one PyBullet client: what can be opened, pressed, stood on and seen, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pybullet as p

from robots.geometry import Float, Pose
from sim.bodies import Body
from sim.kitchen import shell
from sim.kitchen.affordances import Grip, Press, Spot
from sim.kitchen.changes import Changes
from sim.kitchen.furniture import BASE, Button
from sim.kitchen.kinds import NAME
from sim.kitchen.loading import load, paint_window
from sim.kitchen.process import Content, Process, Stain
from sim.kitchen.style import Finish
from sim.kitchen.units import mesh_key
from sim.render import VisualPart
from sim.setting import Top

if TYPE_CHECKING:
    from sim.kitchen.setting import KitchenSetting, Standing

FLOOR_ID, WALL_ID, FIRST_FIXTURE_ID = 1000, 1001, 1002
"""What pictures show: floor, walls, then every part of every unit in order."""
CHECK_STEPS = 8
"""Buttons, liquids and stains are looked at 30 times a second."""
STEPS_PER_S = 240
PRESSED = 0.5
"""Share of a button's travel from which its switch turns over."""
RELEASED = 0.25
"""It does so again only after the button has come up to this: a finger that trembles half way presses once."""
EDGE_M = 0.05
"""How far from the edge things are put."""
AT_HAND_M = 0.42
"""How deep a counter is within an arm's reach."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """All of a kitchen that Bullet does not remember."""

    lit: frozenset[str]
    down: frozenset[str]
    contents: tuple[tuple[str, Content], ...]
    spots: tuple[tuple[str, tuple[bool, ...]], ...]
    spilled_l: float
    stiff: tuple[tuple[str, float], ...] = ()


class KitchenFixtures:
    """Built by `KitchenSetting.build`. Names are the room's; an unknown one is a KeyError that lists what there is."""

    def __init__(self, setting: KitchenSetting, client: int, *, visuals: bool) -> None:
        self.setting, self.client = setting, client
        room = shell.build(client, setting.corner_xy_m, *setting.size_m)
        self.names: Mapping[int, str] = {room: "floor"}
        self.ids: dict[str, int] = {}
        """The body of each unit, by its name."""
        self._links: dict[tuple[str, str], int] = {}
        for standing in setting.furniture:
            body, links = load(client, standing)
            self._links.update({(standing.name, part): link for part, link in links.items()})
            if visuals:
                paint_window(client, body, links, standing, setting.style)
            self.names = {**self.names, body: standing.name}
            self.ids[standing.name] = body
        self.part_ids = {
            (s.name, part.name): FIRST_FIXTURE_ID + i
            for i, (s, part) in enumerate((s, part) for s in setting.furniture for part in s.unit.parts)
        }
        self._shown = [
            (mesh_key(s.key, part.name, paint), s.name, part.name, paint, s.called(paint.removeprefix("glow ")),
             self.part_ids[s.name, part.name])
            for s in setting.furniture for part in s.unit.parts for paint in part.meshes()
        ]  # fmt: skip
        self._by_name = {s.name: s for s in setting.furniture}
        self._buttons = [(s.called(b.switch), s, b) for s in setting.furniture for b in s.unit.buttons]
        self.lit = frozenset(setting.lit)
        self._down: frozenset[str] = frozenset()
        self.stains: dict[str, Stain] = {s.name: s for s in setting.stains}
        self.changes = Changes(client, {}, self.stains, {})
        self._stiff: dict[str, float] = {}
        for name, share in setting.openings.items():
            self.set_opening(name, share)

    # Parts that open

    @property
    def openables(self) -> tuple[str, ...]:
        """Names of all drawers and doors."""
        return tuple(self.setting.named)

    def opening(self, name: str) -> float:
        """Share of its travel, 0 shut to 1 wide open."""
        standing, part = self._named(name)
        position = p.getJointState(
            self.ids[standing.name], self._links[standing.name, part], physicsClientId=self.client
        )[0]
        return float(np.clip(position / standing.unit.part(part).travel, 0.0, 1.0))

    def moving(self, name: str) -> tuple[int, int] | None:
        """Body and link of the drawer, door or button of that name; None where there is none."""
        if name in self.setting.named:
            standing, part = self._named(name)
            return self.ids[standing.name], self._links[standing.name, part]
        for switch, standing, button in self._buttons:
            if switch == name:
                return self.ids[standing.name], self._links[standing.name, button.part]
        return None

    def set_opening(self, name: str, share: float) -> None:
        """Puts it there at rest; what lies in a drawer stays where it is."""
        standing, part = self._named(name)
        if not 0 <= share <= 1:
            raise ValueError(f"a share from 0 to 1 opens {name!r}, not {share}")
        body, link = self.ids[standing.name], self._links[standing.name, part]
        p.resetJointState(body, link, share * standing.unit.part(part).travel, 0.0, physicsClientId=self.client)
        self.wake(standing.name)

    def wake(self, unit: str) -> None:
        """Furniture sleeps until something touches it; this is for what pulls at it without touching."""
        p.changeDynamics(self.ids[unit], -1, activationState=p.ACTIVATION_STATE_WAKE_UP, physicsClientId=self.client)

    def set_stiff(self, name: str, times: float) -> None:
        """Makes a drawer or door stick: its friction is so many times what it is, 1 as it was."""
        standing, part = self._named(name)
        self._stiff = {n: t for n, t in self._stiff.items() if n != name} | ({} if times == 1.0 else {name: times})
        p.setJointMotorControl2(
            self.ids[standing.name], self._links[standing.name, part], p.VELOCITY_CONTROL, targetVelocity=0.0,
            force=standing.unit.part(part).friction * times, physicsClientId=self.client,
        )  # fmt: skip

    def grip(self, name: str) -> Grip:
        """The handle of a drawer or door."""
        standing, part_name = self._named(name)
        part = standing.unit.part(part_name)
        found = next(h for h in standing.unit.handles if h.part == part_name)
        pose = self.part_pose(standing.name, part_name)
        return Grip(
            name=name,
            world_T_grasp=pose @ found.part_T_grasp,
            width_m=found.width_m,
            joint=part.joint,
            axis=standing.pose.rotation @ np.array(part.axis),
            hinge_m=standing.pose.apply(part.at_m),
            travel=part.travel,
            share=self.opening(name),
        )

    # Switches

    @property
    def switches(self) -> tuple[str, ...]:
        """What can be switched, as people say it: "lamp", "left burner"."""
        return tuple(name for name, _, _ in self._buttons)

    def press(self, switch: str) -> Press:
        """The button of a switch."""
        standing, button = self._switch(switch)
        pose = self.part_pose(standing.name, button.part)
        return Press(
            switch=switch, point_m=pose.apply(button.point_m), along=pose.rotation @ np.array(button.along),
            travel_m=standing.unit.part(button.part).travel, on=switch in self.lit,
        )  # fmt: skip

    def is_on(self, switch: str) -> bool:
        self._switch(switch)
        return switch in self.lit

    def set_switch(self, switch: str, on: bool) -> None:
        self._switch(switch)
        self.lit = self.lit | {switch} if on else self.lit - {switch}

    # Places

    @property
    def places(self) -> tuple[str, ...]:
        """Names of all surfaces, each once."""
        return tuple(dict.fromkeys(s.called(s.unit.surfaces[i].name) for s, i in self.setting.surfaces()))

    def all_spots(self) -> tuple[Spot, ...]:
        """Every surface as it is now."""
        found = []
        for standing, number in self.setting.surfaces():
            surface = standing.unit.surfaces[number]
            found.append(
                Spot(
                    name=standing.called(surface.name), surface=surface,
                    world_T_surface=self.part_pose(standing.name, surface.part) @ Pose.from_xyz_yaw(surface.centre_m),
                    inside=standing.called(surface.inside) if surface.inside else "",
                )
            )  # fmt: skip
        return tuple(found)

    def spots(self, place: str) -> tuple[Spot, ...]:
        """The surfaces of that name, or of that kind of place ("counter", "drawer", "shelf")."""
        found = tuple(s for s in self.all_spots() if place in (s.name, s.surface.place))
        if not found:
            raise KeyError(f"no place {place!r} in this kitchen; there are {', '.join(self.places)}")
        return found

    def tops(self) -> tuple[Top, ...]:
        """Counters and tables, but for corners, and the back of counters, which no arm reaches."""
        found = []
        for (standing, _), s in zip(self.setting.surfaces(), self.all_spots(), strict=True):
            deep, wide = s.surface.half_m
            open_there = s.surface.place in ("counter", "table") and standing.unit.noun != "corner"
            if not open_there or min(deep, wide) <= 2 * EDGE_M:
                continue
            # The x axis of a counter points to who stands before it.
            back = max(0.0, 2 * deep - AT_HAND_M) / 2 if s.surface.place == "counter" else 0.0
            top = s.world_T_surface @ Pose.from_xyz_yaw([back, 0.0, 0.0])
            found.append(Top(world_T_top=top, half_m=(deep - back - EDGE_M, wide - EDGE_M)))
        return tuple(found)

    def standing(self, name: str) -> Standing:
        """The unit that something belongs to: a unit's, part's, place's or switch's name."""
        for s in self.setting.furniture:
            local = (
                [x.name for x in s.unit.parts] + [x.name for x in s.unit.surfaces] + [x.switch for x in s.unit.buttons]
            )
            if name == s.name or name in {s.called(x) for x in local if x != BASE}:
                return s
        raise KeyError(f"no furniture {name!r} in this kitchen; there are {', '.join(self.ids)}")

    def front(self, name: str) -> Pose:
        """Where a robot stands to use something: on the floor, x towards it."""
        return self.standing(name).front

    def part_pose(self, unit: str, part: str) -> Pose:
        """world_T_part now."""
        if part == BASE:
            return self._by_name[unit].pose
        link = self._links[unit, part]
        state = p.getLinkState(self.ids[unit], link, computeForwardKinematics=1, physicsClientId=self.client)
        return Pose(xyz=np.array(state[4]), quat_xyzw=np.array(state[5]))

    # What sim.setting.Fixtures asks for

    def begin(self, bodies: Mapping[str, Body]) -> None:
        self.changes = Changes(self.client, bodies, self.stains, self.setting.contents)

    def stepped(self, steps: int) -> None:
        if steps % CHECK_STEPS == 0:
            self._look_at_buttons()
            self.changes.look(CHECK_STEPS / STEPS_PER_S)

    @property
    def process(self) -> Process:
        """What is in vessels, and what is left of stains."""
        return self.changes.process

    def memory(self) -> Memory:
        return Memory(
            lit=self.lit, down=self._down, contents=tuple(self.process.contents.items()),
            spots=tuple(self.process.spots.items()), spilled_l=self.process.spilled_l,
            stiff=tuple(self._stiff.items()),
        )  # fmt: skip

    def recall(self, memory: object) -> None:
        if not isinstance(memory, Memory):
            raise TypeError(f"a kitchen recalls what its memory() gave, not {memory!r}")
        self.lit, self._down = memory.lit, memory.down
        self.changes.process = Process(
            contents=dict(memory.contents), spots=dict(memory.spots), spilled_l=memory.spilled_l
        )
        for name, times in memory.stiff:
            self.set_stiff(name, times)

    def visuals(self) -> list[VisualPart]:
        """Room and furniture, then what is in vessels, then stains."""
        style, setting = self.setting.style, self.setting
        w, d = (round(1000 * s) for s in setting.size_m)
        room = np.eye(4, dtype=np.float32)
        room[:2, 3] = setting.corner_xy_m
        white: Finish = ((0.96, 0.96, 0.95), "")
        shells = (
            ("floor", style.floor, FLOOR_ID),
            ("walls", style.wall, WALL_ID),
            ("skirting", white, WALL_ID),
            ("ceiling", white, WALL_ID),
        )
        parts = [
            VisualPart(
                mesh_key=f"{NAME}/room/{w}x{d}/{what}", world_T_part=room, rgb=rgb, texture=texture, object_id=number,
                casts_shadow=False,
            )
            for what, (rgb, texture), number in shells
        ]  # fmt: skip
        poses: dict[tuple[str, str], Float] = {}
        for key, name, part, paint, switch, number in self._shown:
            if (name, part) not in poses:
                poses[name, part] = self.part_pose(name, part).matrix.astype(np.float32)
            rgb, texture = style.paint(paint, lit=switch in self.lit)
            parts.append(
                VisualPart(mesh_key=key, world_T_part=poses[name, part], rgb=rgb, texture=texture, object_id=number)
            )
        dirty = {s.name: self.part_ids[self.standing(s.surface).name, BASE] for s in self.stains.values()}
        return parts + self.changes.visuals(dirty)

    # Inside

    def _look_at_buttons(self) -> None:
        for name, standing, button in self._buttons:
            link = self._links[standing.name, button.part]
            position = p.getJointState(self.ids[standing.name], link, physicsClientId=self.client)[0]
            was = name in self._down
            down = position > (RELEASED if was else PRESSED) * standing.unit.part(button.part).travel
            if down and not was:
                self.set_switch(name, name not in self.lit)
            self._down = self._down | {name} if down else self._down - {name}

    def _named(self, name: str) -> tuple[Standing, str]:
        if name not in self.setting.named:
            raise KeyError(f"nothing called {name!r} opens here; there are {', '.join(self.openables)}")
        return self.setting.named[name]

    def _switch(self, switch: str) -> tuple[Standing, Button]:
        for name, standing, button in self._buttons:
            if name == switch:
                return standing, button
        raise KeyError(f"nothing called {switch!r} can be switched here; there are {', '.join(self.switches)}")
