"""Reports as one HTML file that needs no server and no network, and the same tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

Line = Mapping[str, Any]

MOST_FAILURES = 200
"""Listed on a page; all are in episodes.jsonl."""
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #3a8fb7; --soft: #3a8fb755; --bad: #d0583c; --good: #3f9b5a }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25rem .6rem .25rem 0 }
td, th { border-bottom: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums }
code { font-size: .85em } summary { cursor: pointer } video { max-width: 34rem; width: 100%; display: block }
.bad { color: var(--bad) } .good { color: var(--good) } .quiet { opacity: .7 }
"""


def page(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """sections: (heading, HTML)."""
    body = "\n".join(
        f"<section>{f'<h2>{escape(head)}</h2>' if head else ''}{html}</section>" for head, html in sections
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """rows: the first is the head."""
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """rows: HTML, the first is the head."""
    head, *rest = rows
    parts = ["".join(f"<th>{cell}</th>" for cell in head), *("".join(f"<td>{c}</td>" for c in row) for row in rest)]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in parts) + "</table>"


def rate_bar(figures: Mapping[str, Any], width: int = 220) -> str:
    """A rate as an SVG bar with its Wilson interval as a line over it."""
    low, high = (width * v for v in figures["wilson_95"])
    rate = width * (figures["rate"] or 0.0)
    return (
        f'<svg width="{width}" height="16" role="img" aria-label="{figures["rate"]}"><rect width="{width}" height="10" '
        f'y="3" fill="var(--line)"/><rect width="{rate:.1f}" height="10" y="3" fill="var(--bar)"/><path d="M{low:.1f} '
        f'2v12M{high:.1f} 2v12M{low:.1f} 8H{high:.1f}" stroke="currentColor" fill="none"/></svg>'
    )


def rate_rows(rates: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """A row of plain text for each: name, successes, rate, interval."""
    rows = []
    for name, f in rates.items():
        low, high = f["wilson_95"]
        rate = "none tried" if f["rate"] is None else f"{f['rate']:.1%}"
        rows.append([name, f"{f['successes']}/{f['n']}", rate, f"{low:.1%} to {high:.1%}"])
    return rows


def rates_table(rates: Mapping[str, Mapping[str, Any]], what: str) -> str:
    """The rows with a bar each, as HTML."""
    rows = [[*map(escape, row), rate_bar(f)] for row, f in zip(rate_rows(rates), rates.values(), strict=True)]
    return html_table([[escape(what), "successes", "rate", "Wilson 95 %", ""], *rows])


def episode(line: Line, cause: str, film: str | None) -> str:
    """One episode to be opened: what was said, what was done, why it counts as it does, and its film."""
    calls = "".join(
        f'<li><code>{escape(c["call"])}</code> <span class="{"quiet" if c["status"] == "succeeded" else "bad"}">'
        f"{escape(c['status'])}: {escape(c['detail'])}</span></li>"
        for c in line["calls"] or [c for link in line.get("links", ()) for c in link["calls"]]
    )
    astray = f"<p>first astray: <code>{escape(line['astray']['call'])}</code></p>" if line.get("astray") else ""
    video = f'<video src="{escape(film)}" controls preload="none"></video>' if film else ""
    head = f"{escape(line['split'])}/{escape(line['task'])} {line['seed']}: &ldquo;{escape(line['instruction'])}&rdquo;"
    mark = f'<b class="bad">{escape(cause)}</b>' if cause else '<b class="good">success</b>'
    return (
        f"<details><summary>{mark} {head}</summary><p>goal <code>{escape(line['goal'])}</code>; "
        f"{escape(line['reason'] or 'as it should be')}</p>{astray}<ol>{calls}</ol>{video}</details>"
    )


def comparison_page(
    names: tuple[str, str], rows: Sequence[Sequence[str]], verdict: str, apart: Sequence[tuple[Line, Line]]
) -> str:
    """How two evaluations compare: the table `rows` of plain text, and the episodes that one alone carried out."""
    both = "".join(
        f"<p>only the {'first' if a['success'] else 'second'}</p>{episode(a, '' if a['success'] else 'failed', None)}"
        f"{episode(b, '' if b['success'] else 'failed', None)}"
        for a, b in apart[:MOST_FAILURES]
    )
    note = "p: McNemar's exact test; of single tasks corrected for their number (Holm). Differences in points."
    return page(
        "Comparison",
        [
            ("", f"<p>first: {escape(names[0])}<br>second: {escape(names[1])}</p><p><b>{escape(verdict)}</b></p>"),
            ("By task", html_table([[escape(cell) for cell in row] for row in rows]) + f"<p class=quiet>{note}</p>"),
            ("Episodes that one alone carried out", both or "<p>none</p>"),
        ],
    )
