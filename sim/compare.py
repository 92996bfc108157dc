"""Two evaluations of the same episodes against each other: which agent is better, and is that more than chance?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.artifacts import RunRecord, write_text
from agent.errors import Exit, UserError
from sim.stats import Paired, holm, paired
from sim.webpage import comparison_page, markdown_table

Line = dict[str, Any]
Key = tuple[str, str, int]
SAME = ("instruction", "goal", "expected", "objects", "disturb")
"""What is equal in two records of one episode."""
SIGNIFICANT = 0.05


def compare(*, record: RunRecord, first: str | None, second: str | None) -> Exit:
    """See conf/compare.yaml. Leaves result.json, compare.md and compare.html."""
    if first is None or second is None:
        raise UserError("compare takes two evaluations: palmetto evaluate compare FOLDER FOLDER")
    one, two = read(Path(first)), read(Path(second))
    shared = [k for k in one if k in two]
    if not shared:
        raise UserError(
            f"{first} and {second} have no episode in common: the same suite, split, tasks and seeds are needed"
        )
    for key in shared:
        for name in SAME:
            if one[key].get(name) != two[key].get(name):
                was = [f"{str(line[key].get(name))[:60]!r}" for line in (one, two)]
                raise UserError(
                    f"{' '.join(map(str, key))} is not the same episode in both: {name} was {was[0]} in {first} and "
                    f"{was[1]} in {second}"
                )
    names = (label(one, first), label(two, second))
    figures = compared(one, two, shared)
    left = (len(one) - len(shared), len(two) - len(shared))
    record.figures.update(first=names[0], second=names[1], left_out=list(left), **figures)
    rows = table(figures)
    write_text(record.out / "compare.md", markdown_table(rows) + "\n\n" + verdict(figures, names) + "\n")
    write_text(
        record.out / "compare.html", comparison_page(names, rows, verdict(figures, names), _apart(one, two, shared))
    )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
    print(verdict(figures, names))
    if any(left):
        print(f"left out  {left[0]} episodes of the first and {left[1]} of the second, which the other does not have")
    print(f"files  {record.out}", flush=True)
    return Exit.DONE


def read(path: Path) -> dict[Key, Line]:
    """The agent's own episodes of an evaluation's folder, or of its episodes.jsonl, by task, split and seed.

    Raises:
        UserError: it is none, or a line of it is damaged.
    """
    file = path / "episodes.jsonl" if path.is_dir() else path
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{file} can't be read: {e}; give the folder of an evaluation") from e
    found: dict[Key, Line] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        try:
            line = json.loads(raw)
            if line["arm"] == "agent":
                found[line["task"], line["split"], int(line["seed"])] = {**line, "success": bool(line["success"])}
        except (ValueError, KeyError, TypeError) as e:
            raise UserError(f"{file}, line {number} is no record of an episode ({type(e).__name__} {e})") from e
    if not found:
        raise UserError(f"{file} has no episodes")
    return found


def label(lines: Mapping[Key, Line], path: str) -> str:
    """The planner's name, and where its episodes are."""
    return f"{next(iter(lines.values())).get('planner', 'agent')} ({path})"


def compared(one: Mapping[Key, Line], two: Mapping[Key, Line], keys: Sequence[Key]) -> dict[str, Any]:
    """Over all, and by split and task with p values corrected for their number (Holm)."""
    groups: dict[str, list[Key]] = {}
    several = len({split for _, split, _ in keys}) > 1
    for key in keys:
        groups.setdefault(f"{key[1]}/{key[0]}" if several else key[0], []).append(key)

    def pairs(of: Sequence[Key]) -> Paired:
        return paired((one[k]["success"], two[k]["success"]) for k in of)

    tasks = {name: pairs(of) for name, of in groups.items()}
    corrected = holm([p.mcnemar_p for p in tasks.values()])
    return {
        "all": pairs(keys).figures(),
        "tasks": {
            n: {**p.figures(), "holm_p": round(c, 6)} for (n, p), c in zip(tasks.items(), corrected, strict=True)
        },
    }


def table(figures: Mapping[str, Any]) -> list[list[str]]:
    """Rows of text, the first of them the head."""
    head = ["task", "n", "first", "second", "only first", "only second", "difference, 95 %", "p"]
    rows = [[name, *_cells(f), f"{f['holm_p']:.3g}"] for name, f in figures["tasks"].items()]
    return [head, *rows, ["all", *_cells(figures["all"]), f"{figures['all']['mcnemar_p']:.3g}"]]


def _cells(f: Mapping[str, Any]) -> list[str]:
    low, high = f["interval_95"]
    first, second = ((f["both"] + f[k]) / f["n"] for k in ("first", "second"))
    return [
        str(f["n"]), f"{first:.1%}", f"{second:.1%}", str(f["first"]), str(f["second"]),
        f"{100 * f['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]",
    ]  # fmt: skip


def verdict(figures: Mapping[str, Any], names: tuple[str, str]) -> str:
    """In one sentence."""
    f = figures["all"]
    different, p = f["first"] + f["second"], f["mcnemar_p"]
    if p < SIGNIFICANT:
        better, worse = names if f["first"] > f["second"] else names[::-1]
        return f"{better} is better than {worse}: McNemar's exact p = {p:.2g} over {f['n']} episodes"
    few = "; fewer than 6 that differ can't show anything" if different < 6 else ""
    return f"no significant difference: McNemar's exact p = {p:.2g}, {different} of {f['n']} episodes differ{few}"


def _apart(one: Mapping[Key, Line], two: Mapping[Key, Line], keys: Sequence[Key]) -> list[tuple[Line, Line]]:
    """The episodes that one alone carried out."""
    return [(one[k], two[k]) for k in keys if one[k]["success"] != two[k]["success"]]
