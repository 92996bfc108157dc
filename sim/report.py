"""From lines of episodes to figures and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from sim.causes import causes
from sim.chain import ChainResult
from sim.controls import CONTROLS, SAID
from sim.probe import ALLOWED_MM
from sim.stats import Rate, enough, rate_of

Line = dict[str, Any]
WIDE = 0.10
"""Half an interval's width from which on a line says that there are too few episodes."""


def report(lines: Sequence[Line]) -> dict[str, Any]:
    """Figures for result.json: by task, split and control arm; false alarms, reasons of failure, the planner's time."""
    agent = [x for x in lines if x["arm"] == "agent"]
    several = len({x["split"] for x in agent}) > 1
    tasks = _rates(agent, (lambda x: f"{x['split']}/{x['task']}") if several else (lambda x: str(x["task"])))
    acting = [x for x in agent if x["expected"] == "act"]
    declining = [x for x in agent if x["expected"] != "act"]
    calls = sum(x["planner_calls"] for x in agent)
    return {
        "tasks": {name: r.figures() for name, r in tasks.items()},
        "mean_rate": mean(tasks.values()),
        "splits": {
            split: {**r.figures(), "mean_rate": mean(_rates([x for x in agent if x["split"] == split], _task).values())}
            for split, r in _rates(agent, lambda x: str(x["split"])).items()
        },
        "acted": {**rate_of(x["success"] for x in acting).figures(), "mean_rate": mean(_rates(acting, _task).values())},
        "declined": rate_of(x["success"] for x in declining).figures(),
        "false_alarms": rate_of(bool(x["declined"]) for x in acting).figures(),
        "arms": {
            arm: {**rate_of(x["success"] for x in lines if x["arm"] == arm).figures(),
                  **({"obeyed": obeyed} if (obeyed := _obeyed(lines, arm)) else {}),
                  "tasks": {t: r.figures() for t, r in _rates([x for x in lines if x["arm"] == arm], _task).items()}}
            for arm in CONTROLS if any(x["arm"] == arm for x in lines)
        },
        **({"chains": chains} if (chains := chain_figures(agent)) else {}),
        **({"probe": probed} if (probed := probe_figures(agent)) else {}),
        "reasons": dict(Counter(_short(x["reason"]) for x in agent if not x["success"]).most_common()),
        "causes": causes(agent),
        "planner_ms_a_call": round(1000 * sum(x["planner_s"] for x in agent) / calls, 1) if calls else None,
        "wall_s_an_episode": round(sum(x["wall_s"] for x in agent) / len(agent), 3) if agent else None,
    }  # fmt: skip


def _obeyed(lines: Sequence[Line], arm: str) -> dict[str, Any] | None:
    """How often what was said in place of the task's own words was carried out."""
    known = [x["obeyed"] for x in lines if x["arm"] == arm and "obeyed" in x]
    return rate_of(known).figures() if known else None


def too_few(figures: dict[str, Any]) -> list[str]:
    """A line where the intervals are too wide to tell much."""
    wide = {}
    for name, f in figures["tasks"].items():
        low, high = f["wilson_95"]
        if (high - low) / 2 > WIDE:
            wide[name] = enough(f["rate"], WIDE / 2)
    if not wide:
        return []
    name, need = max(wide.items(), key=lambda x: x[1])
    points, half = round(100 * WIDE), 100 * WIDE / 2
    return [
        f"few      {len(wide)} of {len(figures['tasks'])} tasks have intervals wider than +-{points} points: "
        f"{name} needs episodes={need} for +-{half:g}"
    ]


def chain_line(result: ChainResult, length: int) -> Line:
    """What episodes.jsonl says of a chain: `solved` in a row of `length`, and each link."""
    last = result.links[-1]
    return {
        "instruction": result.links[0].instruction, "phrasing": "", "expected": "act", "goal": "", "objects": [],
        "success": result.solved == length, "reason": "" if last.success else f"{last.task or 'chain'}: {last.reason}",
        "stop": "", "declined": "", "calls": [], "length": length, "solved": result.solved,
        "links": [asdict(link) for link in result.links], "robot_s": round(result.robot_s, 3),
        "planner_calls": result.planner_calls, "planner_s": round(result.planner_s, 4),
    }  # fmt: skip


def chain_figures(lines: Sequence[Line]) -> dict[str, Any]:
    """As CALVIN reports them: how many instructions in a row were carried out on average, with its standard error, and
    the share of chains that got to each number; {} where there are no chains."""
    chains = [x for x in lines if "solved" in x]
    if not chains:
        return {}
    solved = [int(x["solved"]) for x in chains]
    error = float(np.std(solved, ddof=1) / np.sqrt(len(solved))) if len(solved) > 1 else None
    return {
        "n": len(chains), "mean_solved": round(float(np.mean(solved)), 4),
        "standard_error": None if error is None else round(error, 4),
        "reached": {str(k): rate_of(s >= k for s in solved).figures() for k in range(1, chains[0]["length"] + 1)},
    }  # fmt: skip


def probe_figures(lines: Sequence[Line]) -> dict[str, Any]:
    """Over all episodes that were probed: the deepest contact that was not meant, the fastest joint; {} for none."""
    probed = [x["probe"] for x in lines if "probe" in x]
    if not probed:
        return {}
    return {
        "clean": rate_of(bool(x["clean"]) for x in probed).figures(),
        "deepest_mm": max(x["depth_mm"] for x in probed),
        "fastest_share": max(_fastest(x) for x in probed),
        "into": dict(Counter(x["into"] for x in probed if x["depth_mm"] > ALLOWED_MM).most_common()),
    }


def _fastest(probe: Line) -> float:
    """The fastest that anything moved, as a share of its limit."""
    return max(float(v) for k, v in probe.items() if k.endswith("_share"))


def _task(line: Line) -> str:
    return str(line["task"])


def _rates(lines: Sequence[Line], key: Callable[[Line], str]) -> dict[str, Rate]:
    names = dict.fromkeys(key(x) for x in lines)
    return {name: rate_of(x["success"] for x in lines if key(x) == name) for name in names}


def mean(rates: Any) -> float | None:
    """The plain mean over tasks, so that a task with more episodes does not count for more."""
    found = [r.rate for r in rates if r.rate is not None]
    return round(sum(found) / len(found), 4) if found else None


def _short(reason: str) -> str:
    """Without the names of things: what can be counted."""
    head, _, rest = reason.partition(": ")
    return f"{head}: {rest.partition(':')[0]}" if head == "false alarm" else head


def print_report(figures: dict[str, Any]) -> None:
    """One line a task, then the arms."""
    width = max([8, *(len(name) for name in figures["tasks"])])
    print(f"{'task':{width}}  successes  rate    Wilson 95 %")
    for name, f in figures["tasks"].items():
        print(f"{name:{width}}  {_rate(f)}")
    print(f"{'mean':{width}}  {'':9} {figures['mean_rate']:7.1%}")
    if len(figures["splits"]) > 1:
        for name, f in figures["splits"].items():
            print(f"{name:{width}}  {'':9} {f['mean_rate']:7.1%}  mean over its tasks")
    print(f"{'acted':{width}}  {_rate(figures['acted'])}  of what is to be done")
    print(f"{'declined':{width}}  {_rate(figures['declined'])}  of what is to be asked about or refused")
    print(f"{'alarms':{width}}  {_rate(figures['false_alarms'])}  asked or refused where it should act")
    for arm, f in figures["arms"].items():
        obeyed = f"; obeyed {f['obeyed']['rate']:.1%}" if "obeyed" in f else ""
        print(f"{arm:{width}}  {_rate(f)}  control: {SAID[arm]}{obeyed}")
    if (chains := figures.get("chains")) is not None:
        reached = ", ".join(f"{k}: {f['rate']:.1%}" for k, f in chains["reached"].items())
        print(f"{'chains':{width}}  {chains['mean_solved']:.2f} in a row on average; reached {reached}")
    if (probe := figures.get("probe")) is not None:
        deepest, fastest = probe["deepest_mm"], probe["fastest_share"]
        print(f"{'probe':{width}}  {_rate(probe['clean'])}  clean; deepest {deepest:.1f} mm, fastest {fastest:.0%}")
    if figures["causes"]:
        print(f"{'causes':{width}}  " + ", ".join(f"{name} {n}" for name, n in figures["causes"].items()))
    for reason, n in list(figures["reasons"].items())[:8]:
        print(f"{'':{width}}  {n:>4} x {reason}")
    if figures["planner_ms_a_call"] is not None:
        planner, episode = figures["planner_ms_a_call"], figures["wall_s_an_episode"]
        print(f"{'time':{width}}  planner {planner} ms a call, {episode} s an episode")


def _rate(figures: dict[str, Any]) -> str:
    return str(Rate(n=figures["n"], successes=figures["successes"]))
