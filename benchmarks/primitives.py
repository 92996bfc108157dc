"""Learned against scripted and planned primitives, verb by verb, on equal scenes: success in the physics, and time.

python benchmarks/primitives.py episodes=100
python benchmarks/primitives.py verbs=pick backends=scripted,learned:outputs/policy episodes=50 first_seed=3000000

A backend is scripted, planned, flow or regression (which ship), or learned:DIR. Scenes are drawn from the seed as in
the tabletop suite; what comes before the call that is measured (the pick before a place) is scripted. `alone` counts
successes in which the script did not take over from the policy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from agent.perform import SCRIPTED, Backends, perform
from agent.plan import Planner, PrimitiveCall
from agent.policy.backends import Choice
from agent.verbs import Verb
from robots.interface import Observation, Status
from robots.spec import panda
from sim.episode import TaskSpec, Theatre, theatre
from sim.predicates import evaluate
from sim.stage import SimStage, oracle
from sim.stats import rate_of
from sim.tasks.base import effect

FAMILIES = {"pick": ("pick", "put", "stack", "relation"), "place": ("put", "stack", "relation"), "push": ("push",)}
HANDED_OVER = "(scripted:"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One call by one backend. alone: a success, and no script took over. robot_s: of the robot's clock."""

    success: bool
    alone: bool
    status: Status
    detail: str
    robot_s: float
    wall_s: float


def backends_of(name: str) -> Backends:
    """By the name that a person gives."""
    if name == "scripted":
        return SCRIPTED
    if name == "planned":
        return Choice(pick=name, place=name, push=name).backends()
    return Choice(pick="learned", place="learned", push="learned", checkpoint=name.removeprefix("learned:")).backends()


def scenes(house: Theatre, verb: str, first_seed: int, count: int) -> Iterator[tuple[TaskSpec, str]]:
    """Scenes in which the instruction begins with the verb (a place: after its pick), and what is then to be true."""
    seed, found = first_seed, 0
    while found < count:
        family = FAMILIES[verb][seed % len(FAMILIES[verb])]
        spec = TaskSpec(task=family, split="trained", seed=seed)
        seed += 1
        stage = house.set(spec)
        assert stage.instance is not None
        move = stage.instance.program[0]
        calls = oracle(stage).plan("", stage.robot.observe(), ()).calls
        named = calls[0].target == move.subject and all(c.point is not None for c in calls[:1])
        wanted = [Verb.PUSH] if verb == "push" else [Verb.PICK, Verb.PLACE][: 1 if verb == "pick" else 2]
        if named and [c.verb for c in calls[: len(wanted)]] == wanted:
            found += 1
            yield spec, f"holding({move.subject})" if verb == "pick" else effect(move)


def trial(house: Theatre, spec: TaskSpec, verb: str, goal: str, backends: Backends) -> Trial | None:
    """None where the scripted pick before a place failed."""
    stage = house.set(spec)
    planner, body = oracle(stage), stage.body()
    call, seen = _next(stage, planner)
    if verb == "place":
        if perform(call, body, seen).status is not Status.SUCCEEDED:
            return None
        call, seen = _next(stage, planner)
        if call.verb is not Verb.PLACE:
            return None
    began, start_s = perf_counter(), house.robot.world.time_s
    outcome = perform(call, body, seen, backends=backends)
    robot_s, wall_s = house.robot.world.time_s - start_s, perf_counter() - began
    stage.settle()
    success = outcome.status is Status.SUCCEEDED and evaluate(house.robot.world, goal)
    return Trial(
        success=success, alone=success and HANDED_OVER not in outcome.detail, status=outcome.status,
        detail=outcome.detail, robot_s=robot_s, wall_s=wall_s,
    )  # fmt: skip


def _next(stage: SimStage, planner: Planner) -> tuple[PrimitiveCall, Observation]:
    """The oracle's next call, and the picture that it points in."""
    seen = stage.robot.observe()
    return planner.plan("", seen, ()).calls[0], seen


def main(arguments: list[str]) -> None:
    """key=value: verbs, backends, episodes, first_seed, show (failures)."""
    given = dict(a.split("=", 1) for a in arguments)
    episodes, first = int(given.get("episodes", "100")), int(given.get("first_seed", "2000000"))
    names = given.get("backends", "scripted,planned,flow,regression").split(",")
    house = theatre("auto", panda)
    print("| verb | backend | success | Wilson 95 % | alone | median robot s | median wall s |\n|" + " --- |" * 7)
    for verb in given.get("verbs", "pick,place,push").split(","):
        specs = list(scenes(house, verb, first, episodes))
        for name in names:
            backends = backends_of(name)
            tried = [t for spec, goal in specs if (t := trial(house, spec, verb, goal, backends)) is not None]
            good = sum(t.success for t in tried)
            low, high = rate_of(t.success for t in tried).wilson_95
            alone = f"{sum(t.alone for t in tried)}"
            seconds = np.median([[t.robot_s, t.wall_s] for t in tried], axis=0)
            print(
                f"| {verb} | {name} | {good} of {len(tried)} | {100 * low:.0f} to {100 * high:.0f} % | {alone} | "
                f"{seconds[0]:.1f} | {seconds[1]:.2f} |", flush=True,
            )  # fmt: skip
            if given.get("show"):
                for (spec, goal), t in zip(specs, tried, strict=False):
                    if not t.alone:
                        print(f"    {spec}: {goal}: {t.status.value}: {t.detail} {'' if t.success else 'FAILED'}")


if __name__ == "__main__":
    main(sys.argv[1:])
