"""What --help prints, read from `conf/`: each command's file says what it does and what its options are."""

from __future__ import annotations

import re
from importlib import resources

from agent import config

_OPTION = re.compile(r"( *)([a-z0-9_]+):(?: ([^#]*[^# ]))?(?: +# (.*))?")
COMMANDS = (
    "run", "chat", "evaluate", "compare", "collect", "data", "train", "export", "verify", "deploy", "replay", "twin",
    "calibrate", "doctor",
)  # fmt: skip


def overview() -> str:
    """Every command with its first line."""
    lines = [
        'palmetto "put the red block in the green bowl"   (or: python launch.py "...")',
        "palmetto COMMAND [key=value ...]",
        "",
        *(f"  {name:10}{_header(name)[0]}" for name in COMMANDS),
        "",
        "  COMMAND --help    its options; --cfg prints them composed; -m runs every combination of key=a,b",
        "  Each takes out=DIR (default outputs/COMMAND/TIME) and seed=N, and leaves DIR/result.json.",
        "  Exit codes: 0 done; 1 tried and failed; 2 bad usage or input; 3 the agent asked or refused.",
    ]
    return "\n".join(lines)


def command(name: str) -> str:
    """The command's own page: what it does, then each option with its default and what it means."""
    rows = []
    for line in _text(name).splitlines():
        if line.startswith("  - ") and "_self_" not in line and "_target_" not in line:
            group, choice = (part.strip() for part in line[4:].split(":"))
            shown = [c for c in config.choices(group) if c != "folder"]
            other = "; or a checkpoint's folder" if group == "planner" else ""
            rows.append((f"{group}={choice}", f"one of: {', '.join(shown)}{other}"))
            rows += _rows(_text(f"{group}/{choice}"), group)
    rows += _rows(_text(name), "")
    width = max(len(option) for option, _ in rows) + 2
    return "\n".join([*_header(name), "", *(f"  {option:{width}}{meaning}".rstrip() for option, meaning in rows)])


def _rows(text: str, prefix: str) -> list[tuple[str, str]]:
    """(key=default, comment) of each option in a file; two levels, as our files have them."""
    rows, parent, skipped = [], prefix, False
    for line in text.splitlines():
        found = _OPTION.fullmatch(line)
        if found is None:
            continue
        indent, key, value, meaning = found.groups()
        if not indent:
            skipped = key in config.WIRING or key == "defaults"
            parent = prefix if value else ".".join(filter(None, (prefix, key)))
        if not skipped and value and not key.startswith("_"):
            rows.append((f"{'.'.join(filter(None, (parent, key)))}={value}", meaning or ""))
    return rows


def _text(name: str) -> str:
    return (resources.files("conf") / f"{name}.yaml").read_text()


def _header(name: str) -> list[str]:
    lines = []
    for line in _text(name).splitlines():
        if not line.startswith("# "):
            break
        lines.append(line[2:])
    return lines
