"""Watch an episode as it happens, and keep it as data to train on.

    python examples/record_episode.py episodes/

A listener is any callable that takes the loop's events. This one prints them and collects the steps of an episode,
which `EpisodeWriter` puts on the disk and `EpisodeReader` reads back. Any other environment records in the same way.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.episodes import Episode, EpisodeReader, EpisodeWriter, Step, StepState
from agent.executor import Event, Finished, Planned, run_episode
from agent.plan import format_call, format_plan
from robots.interface import Observation
from robots.primitives import Body
from sim.stage import SceneChoice, open_stage, oracle, panda

SENTENCE, GOAL = "put the red block in the green bowl", "in(red block, green bowl)"


class Steps:
    """A listener: what was seen and planned before each call, and how the call went."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._seen: Observation
        self._plan = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._seen, self._plan = event.seen, format_plan(event.plan.calls)
            if len(event.plan.calls) == 1:  # done(), ask(...) or refuse(...): nothing is performed after it
                self._add()
        elif isinstance(event, Finished):
            result = event.result
            print(f"{format_call(result.call):40} {result.status.value}")
            self._add(
                call=format_call(result.call),
                status=result.status,
                detail=result.detail,
                start_s=result.start_s,
                end_s=result.end_s,
            )

    def _add(self, **outcome: object) -> None:
        rgb = self._seen.frames["front"].rgb
        state = StepState.of(self._seen.state)
        self.steps.append(Step(picture=lambda: rgb, state=state, plan=self._plan, **outcome))  # type: ignore[arg-type]


def main(folder: Path, seed: int = 0) -> None:
    stage = open_stage(
        seed=seed, scene=SceneChoice(objects=["red block", "green bowl"]), robot=panda, instruction=SENTENCE, goal=GOAL
    )
    planner, steps = oracle(stage), Steps()
    run_episode(SENTENCE, Body(robot=stage.robot), planner, listeners=[steps])
    episode = Episode(
        seed=seed,
        suite="mine",
        task="put",
        split="trained",
        instruction=SENTENCE,
        phrasing="",
        expected="act",
        goal=GOAL,
        objects=stage.names,
        success=stage.holds(GOAL),
        planner="oracle",
        steps=tuple(steps.steps),
    )
    stage.close()
    with EpisodeWriter(folder) as writer:
        writer.append(episode)
    found = EpisodeReader(folder)
    print(f"{folder}: {len(found)} episodes; the last has {len(found[-1].steps)} looks, success: {found[-1].success}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "episodes"))
