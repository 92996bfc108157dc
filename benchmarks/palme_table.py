"""The cells of `benchmarks/palme.py` as tables, with Wilson intervals, and transfer as paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.stats import Rate, paired, rate_of

TRANSFER = (("full", "single"), ("objects_full", "objects_single"), ("full_frozen", "single_frozen"))
"""Cells that have learnt of more than TAMP, and the same without."""
PLANS = ("p1", "p2")


def rate(answers: str) -> Rate:
    return rate_of(c == "1" for c in answers)


def shown(answers: str) -> str:
    """57.5 [50.6, 64.2]."""
    r = rate(answers)
    low, high = r.wilson_95
    return f"{100 * (r.rate or 0):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def print_tables(lines: Sequence[Mapping[str, Any]]) -> None:
    """Markdown."""
    print("| cell | objects | q1 | q2 | q3 | q4 | p1 | p2 | p1, p2 together | n | steps | training s (cpu) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for line in lines:
        for objects, by in line["answers"].items():
            cells = [shown(v) for v in by.values()] + [shown("".join(by[p] for p in PLANS))]
            took = f"{line['train_s']} ({line['train_cpu_s']})"
            n = len(by["q1"])
            print(f"| {line['cell']} | {objects} | {' | '.join(cells)} | {n} | {line['steps']} | {took} |", flush=True)
    for line in lines:
        for kind, found in line.get("kitchens", {}).items():
            print(f"{line['cell']}: {kind} F1 {found['f1']:.3f}, right {found['right']}")
    by_name = {line["cell"]: line["answers"]["3 to 5"] for line in lines}
    for more, less in TRANSFER:
        if more in by_name and less in by_name:
            for what, kinds in (("plans", PLANS), ("questions", ("q1", "q2", "q3", "q4"))):
                one, two = ("".join(by_name[c][k] for k in kinds) for c in (more, less))
                found = paired((a == "1", b == "1") for a, b in zip(one, two, strict=True))
                print(f"{more} against {less}, {what}: {found.figures()}")
