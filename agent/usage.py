"""What --help prints, read from `conf/`: each command's file says what it does and what its options are."""

from __future__ import annotations

from importlib import resources

from agent import config

COMMANDS = ("run", "chat", "evaluate", "collect", "train", "export", "doctor")


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
    """The command's own page."""
    text = _text(name)
    body = [line for line in text.splitlines() if not line.startswith("#")]
    shown = [*_header(name), ""]
    in_defaults = False
    for line in body:
        if line.startswith("defaults:"):
            in_defaults = True
        elif in_defaults and line.startswith("  - ") and "_self_" not in line:
            group, _, choice = line[4:].partition(":")
            shown.append(f"  {group}={choice.strip()}  # {', '.join(config.choices(group.strip()))}")
        elif line.strip() and not line.startswith(("_", " ")):
            in_defaults = False
            key, _, value = line.partition(":")
            shown.append(f"  {key}={value.strip()}" if value.strip() else f"  {key}:")
        elif line.strip() and not in_defaults and "_target_" not in line and "_partial_" not in line:
            shown.append(f"  {line}")
    return "\n".join(shown)


def _text(name: str) -> str:
    return (resources.files("conf") / f"{name}.yaml").read_text()


def _header(name: str) -> list[str]:
    lines = []
    for line in _text(name).splitlines():
        if not line.startswith("# "):
            break
        lines.append(line[2:])
    return lines
