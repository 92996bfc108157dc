"""What a world costs: steps without and with a picture as objects go from 5 to 100, and worlds side by side.

    python benchmarks/worlds.py

Objects stand in a grid on the table. "at rest" nothing touches them; "stirred" the arm sweeps through them as it moves
between two configurations. Kitchens have as many things as a level of clutter brings; mobile_panda turns on the spot. A
step is 1/240 s; a picture is one of 224 px after 12 of them, of a kitchen the head's, with its soft shadows; "depth" is
what is drawn of it for a robot that drives. Times of one world are CPU time; worlds side by side are processes. Their
sum goes by the clock on the wall, and so asks for a quiet machine; what each does in a second of its own CPU time does
not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from time import perf_counter, process_time

os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe draws on the calling thread

import numpy as np

from robots.interface import Command
from robots.kinematics import kinematics
from robots.mobile_panda import mobile_panda
from robots.planning.motion import pointing_down
from robots.spec import panda
from sim.camera import CameraSpec
from sim.kitchen.rooms import sample_kitchen
from sim.lexicon import COLOURS
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject, Scene
from sim.world import STEPS_PER_S, World

COUNTS = (5, 10, 20, 50, 100)
PITCH_M = 0.07
LOW_M = np.array([0.34, -0.33])
STEPS = 12
SEED = 3_000_000
CAMERA = CameraSpec()
"""Physics steps a picture: what the environments do."""


def grid(count: int) -> Scene:
    """`count` blocks and cylinders, ten a row, where the arm reaches."""
    objects = []
    for i in range(count):
        row, column = divmod(i, 10)
        kind, colour = ("block", "cylinder")[i % 2], list(COLOURS)[i % len(COLOURS)]
        spec = ObjectSpec(name=f"thing {i}", kind=kind, colour=colour, size="small")
        x, y = LOW_M + PITCH_M * np.array([row, column])
        objects.append(PlacedObject(spec=spec, xy_m=(float(x), float(y))))
    return Scene(seed=0, objects=tuple(objects))


@cache
def stroke() -> np.ndarray:
    """float64[120,7] rad: from side to side through the first rows of things, 2 cm above the table, and back."""
    chain, q = kinematics(panda()), panda().home_q_rad
    way = []
    for y in 0.3 * np.sin(2 * np.pi * np.arange(120) / 120):
        found = chain.reach(pointing_down(np.array([0.345, y, 0.02]), 0.0), q)
        assert found.converged
        q = found.q
        way.append(q)
    return np.stack(way)


def sweep(world: World, seconds: float) -> None:
    """The arm goes through the things, a stroke in two seconds."""
    for i in range(int(seconds * STEPS_PER_S / 4)):
        world.arm.drive(stroke()[i % 120])
        world.step(4)


def rate(count: int, work: str, seconds: float) -> float:
    """Physics steps a second of CPU time."""
    world = World()
    renderer = open_renderer("gl").renderer
    world.reset(grid(count))
    scene = world.scene

    def run(simulated_s: float) -> int:
        steps = int(simulated_s * STEPS_PER_S) // STEPS * STEPS
        if work == "stirred":
            sweep(world, simulated_s)
        for _ in range(0, 0 if work == "stirred" else steps, STEPS):
            world.step(STEPS)
            if work == "with pictures":
                renderer.render(world.visuals(), CAMERA, scene.lights)
        return steps

    run(0.2)
    start = process_time()
    pilot = run(0.2) / (process_time() - start)
    start = process_time()
    done = run(max(0.5, seconds * pilot / STEPS_PER_S))
    spent = process_time() - start
    moved = [float(np.linalg.norm(world.pose(o.spec.name).xyz[:2] - o.xy_m)) for o in scene.objects]
    assert (max(moved) > 0.02) == (work == "stirred"), f"{work}: the farthest was moved by {max(moved):.3f} m"
    renderer.close()
    world.close()
    return done / spent


def kitchen(clutter: int) -> tuple[SimRobot, int]:
    """mobile_panda in a kitchen, and how many things are in it."""
    scene = sample_kitchen(np.random.default_rng(SEED), seed=SEED, clutter=clutter)
    robot = SimRobot(World(spec=mobile_panda()), open_renderer("gl").renderer)
    robot.reset(scene)
    robot.world.settle()
    return robot, len(scene.objects)


def turn(robot: SimRobot, work: str) -> None:
    """12 steps of a kitchen and what `work` says of the head's camera."""
    robot.send(Command(base_twist=np.array([0.0, 0.0, 0.5])))
    robot.wait(STEPS / STEPS_PER_S)
    if work == "with pictures":
        assert robot.observe().main.rgb.any()
    elif work == "with depth":
        assert robot.observe().main.depth_m.any()


def kitchen_rate(clutter: int, work: str, seconds: float) -> tuple[float, int]:
    """Physics steps a second of CPU time, and how many things there are."""
    robot, things = kitchen(clutter)
    for _ in range(5):
        turn(robot, work)
    done, start = 0, process_time()
    while process_time() - start < seconds:
        turn(robot, work)
        done += STEPS
    spent = process_time() - start
    robot.close()
    return done / spent, things


def alone(what: str, seconds: float) -> tuple[float, float]:
    """Pictures with 12 steps each, a second of wall-clock time and of CPU time, of one world."""
    if what == "kitchen":
        robot, _ = kitchen(1)
        return _paced(lambda: turn(robot, "with pictures"), seconds)
    world, renderer = World(), open_renderer("gl").renderer
    world.reset(grid(10))

    def once() -> None:
        world.step(STEPS)
        renderer.render(world.visuals(), CAMERA, world.scene.lights)

    return _paced(once, seconds)


def _paced(once: Callable[[], None], seconds: float) -> tuple[float, float]:
    once()
    done, start, cpu = 0, perf_counter(), process_time()
    while perf_counter() - start < seconds:
        once()
        done += 1
    return done / (perf_counter() - start), done / (process_time() - cpu)


def side_by_side(what: str, worlds: int, seconds: float) -> tuple[float, float]:
    """The sum over `worlds` processes on the clock on the wall, and the mean of what each does in a second of CPU."""
    with ProcessPoolExecutor(worlds, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(alone, [what] * worlds, [0.2] * worlds))  # each has started
        found = np.array(list(pool.map(alone, [what] * worlds, [seconds] * worlds)))
    return float(found[:, 0].sum()), float(found[:, 1].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long a measurement takes")
    parser.add_argument("--worlds", type=int, nargs="*", default=[1, 2, 4])
    arguments = parser.parse_args()
    kinds = ("at rest", "stirred", "with pictures")
    found: dict[tuple[int, str], list[float]] = {}
    for _ in range(arguments.rounds):
        for count in COUNTS:
            for kind in kinds:
                found.setdefault((count, kind), []).append(rate(count, kind, arguments.seconds))
    print("| objects | steps/s at rest | steps/s stirred | steps/s with a picture every 12 | ms a step at rest |")
    print("| --- | --- | --- | --- | --- |")
    for count in COUNTS:
        rest, stirred, seen = (statistics.median(found[count, kind]) for kind in kinds)
        print(f"| {count} | {rest:.0f} | {stirred:.0f} | {seen:.0f} | {1e3 / rest:.3f} |")
    works = ("turning", "with depth", "with pictures")
    print("\n| things in a kitchen | steps/s turning | with the head's depth every 12 | with its picture every 12 |")
    print("| --- | --- | --- | --- |")
    for clutter in range(4):
        measured = [kitchen_rate(clutter, work, arguments.seconds) for work in works]
        print(f"| {measured[0][1]} | " + " | ".join(f"{steps:.0f}" for steps, _ in measured) + " |")
    for what in ("tabletop", "kitchen") if arguments.worlds else ():
        print(f"\n| worlds at once, {what} | pictures with 12 steps each, a second, together | of one alone | ", end="")
        print("a second of each one's CPU |\n| --- | --- | --- | --- |")
        first = 0.0
        for worlds in arguments.worlds:
            rate_s, cpu_s = side_by_side(what, worlds, max(2.0, arguments.seconds))
            first = first or rate_s
            print(f"| {worlds} | {rate_s:.0f} | {rate_s / first:.2f} x | {cpu_s:.0f} |")


if __name__ == "__main__":
    main()
