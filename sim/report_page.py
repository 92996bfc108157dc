"""report.html and report.md of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sim.causes import cause_of
from sim.webpage import MOST_FAILURES, episode, html_table, markdown_table, page, rate_rows, rates_table

Line = Mapping[str, Any]


def markdown(title: str, figures: Mapping[str, Any], warnings: Sequence[str]) -> str:
    """Rates, control arms and causes as Markdown."""
    rates = {**figures["tasks"], "acted": figures["acted"], "declined": figures["declined"]}
    parts = [f"# {title}", markdown_table([["task", "successes", "rate", "Wilson 95 %"], *rate_rows(_tried(rates))])]
    parts.append(f"False alarms: {rate_rows({'': figures['false_alarms']})[0][1]}.")
    if figures["arms"]:
        parts.append(markdown_table([["control", "successes", "rate", "Wilson 95 %"], *rate_rows(figures["arms"])]))
    if figures["causes"]:
        parts.append(markdown_table([["cause of failure", "episodes"], *_counts(figures["causes"])]))
    return "\n\n".join([*parts, *warnings]) + "\n"


def html(
    title: str, figures: Mapping[str, Any], warnings: Sequence[str], lines: Sequence[Line], films: Mapping[Any, Path]
) -> str:
    """The same as a page, with each failed episode to be opened, and its film where there is one.

    films: by (arm, task, split, seed), paths relative to the page.
    """
    sections = [("", "".join(f'<p class="bad">{escape(w)}</p>' for w in warnings))]
    if len(figures["splits"]) > 1:
        sections.append(("Splits", rates_table(figures["splits"], "split")))
    sections.append(("Tasks", rates_table(figures["tasks"], "task")))
    rates = {"acted": figures["acted"], "declined": figures["declined"], "false alarms": figures["false_alarms"]}
    sections.append(("What is to be done, and what is not", rates_table(_tried(rates), "")))
    if figures["arms"]:
        note = "<p class=quiet>Words or picture spoilt: what still succeeds does so by chance.</p>"
        sections.append(("Control arms", note + rates_table(figures["arms"], "arm")))
    if figures["causes"]:
        sections.append(("Causes of failure", html_table([["cause", "episodes"], *_counts(figures["causes"])])))
    if "chains" in figures:
        sections.append(("Chains", rates_table(figures["chains"]["reached"], "in a row")))
    failed = [x for x in lines if x["arm"] == "agent" and not x["success"]]
    if failed:
        shown = "".join(_episode(x, films) for x in failed[:MOST_FAILURES])
        more = "" if len(failed) <= MOST_FAILURES else f"<p>{len(failed) - MOST_FAILURES} more in episodes.jsonl</p>"
        sections.append((f"Failures ({len(failed)})", shown + more))
    done = [x for x in lines if x["arm"] == "agent" and x["success"] and _key(x) in films]
    if done:
        sections.append(("Filmed successes", "".join(_episode(x, films) for x in done[:MOST_FAILURES])))
    return page(title, sections)


def _episode(line: Line, films: Mapping[Any, Path]) -> str:
    cause = cause_of(dict(line))
    film = films.get(_key(line))
    return episode(line, "" if cause is None else cause.value, None if film is None else film.as_posix())


def _key(line: Line) -> tuple[str, str, str, int]:
    return (line["arm"], line["task"], line["split"], line["seed"])


def _tried(rates: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {name: f for name, f in rates.items() if f["n"]}


def _counts(counts: Mapping[str, int]) -> list[list[str]]:
    return [[name, str(n)] for name, n in counts.items()]
