"""The command line: words -> options -> objects -> exit code. The only place where the parts are put together."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from agent.artifacts import RunRecord, is_first_process, is_one_of_many, process_began, remove_empty
from agent.errors import STATUS, Exit, PalmettoError, SilentError, UserError, one_of

_OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@-]*=")
_FLAGS = {f: f for f in ("--help", "-m", "--cfg", "--version")} | {"-h": "--help", "--multirun": "-m"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line `argv` (default: the process's) and returns its exit code. Errors are one line."""
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        code = int(command_line(words, began=process_began() if argv is None else perf_counter()))
        sys.stdout.flush()
        return code
    except PalmettoError as e:
        if isinstance(e, SilentError) or not (e.of_one or is_first_process()):
            return int(e.exit_code)
        return _end(f"palmetto: {e}", e.exit_code)
    except KeyboardInterrupt:
        return _end("palmetto: interrupted", Exit.INTERRUPTED)
    except OSError as e:
        if e.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        return _end(f"palmetto: can't write: {e.strerror}", Exit.FAILED)


def _end(message: str, code: Exit) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter would fail at it once more
    print(message, file=sys.stderr)
    return int(code)


def command_line(words: list[str], *, began: float) -> Exit:
    """began: where `perf_counter` was when the person pressed return."""
    flags = {_FLAGS[w] for w in words if w in _FLAGS}
    words = [w for w in words if w not in _FLAGS]
    if "--version" in flags:
        from importlib.metadata import version

        print(f"palmetto {version('palmetto')}")
        return Exit.DONE
    from agent import config, usage

    if "--help" in flags or not words:
        print(usage.overview() if not words else usage.command(_command(words)[0]))
        return Exit.DONE if "--help" in flags else Exit.USAGE
    command, rest = _command(words)
    plugged = [w for w in rest if "-m" in flags and w.startswith(("hydra/", "hydra."))]
    arguments = config.split_raw(command, [w for w in rest if w not in plugged])
    if "--cfg" in flags:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(config.options(arguments)), end="")
        return Exit.DONE
    if "-m" not in flags:
        return run_command(arguments, began)
    if is_one_of_many():
        raise UserError("-m makes several runs, and torchrun several processes of one; start each run by itself")
    folder = Path(arguments.raw.get("out") or _fresh_folder(command))
    if plugged:
        from agent.sweeps import by_plugins

        return by_plugins(arguments, plugged, folder.absolute())
    codes = []
    for number, job in enumerate(config.sweep(arguments)):
        print(f"#{number} {' '.join(job.overrides)}", flush=True)
        codes.append(run_command(replace(job, raw={**job.raw, "out": str(folder / str(number))}), perf_counter()))
    return max(codes, default=Exit.DONE)


def run_command(arguments: Any, began: float) -> Exit:
    """Compose the options, build what they name, run the command, and leave `result.json` however it ends."""
    from hydra.errors import InstantiationException
    from hydra.utils import get_method, instantiate

    from agent import config

    composed = config.options(arguments)
    out, seed = composed.get("out"), composed.get("seed")
    folder = Path(out or _fresh_folder(arguments.command))
    record = RunRecord(command=arguments.command, out=folder, seed=seed, started=began, words=arguments.words)
    import_module(composed["_target_"].rpartition(".")[0])  # says in one line what is not installed; Hydra would log it
    target = get_method(composed["_target_"])
    kept = {k: v for k, v in composed.items() if k not in ("_target_", "out", "seed")}
    try:
        built = instantiate(kept, _convert_="all")
    except InstantiationException as e:
        if isinstance(e.__cause__, PalmettoError):
            raise e.__cause__ from None
        raise
    new_folders = [p for p in (record.out, *record.out.parents) if not p.exists()]
    try:
        code = Exit(target(record=record, **built))
    except UserError:
        remove_empty(new_folders)  # nothing was done: nothing is left
        raise
    except PalmettoError as e:
        record.figures["error"] = str(e)
        record.write(STATUS[e.exit_code])
        raise
    except KeyboardInterrupt:
        record.write(STATUS[Exit.INTERRUPTED])
        raise
    record.write(STATUS[code])
    return code


def _command(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name and its arguments; a bare sentence is `run`."""
    from agent import usage

    first = words[0]
    if list(words[:2]) == ["evaluate", "compare"]:
        paths = [w for w in words[2:4] if not _OVERRIDE.match(w)]
        return "compare", [f"{k}={p}" for k, p in zip(("first", "second"), paths, strict=False)] + list(
            words[2 + len(paths) :]
        )
    if first in usage.COMMANDS:
        rest = list(words[1:])
        if first == "data" and rest and "=" not in rest[0]:
            rest[0] = f"action={rest[0]}"
        return first, rest
    if _OVERRIDE.match(first):
        return "run", list(words)
    if first.strip() and len(first.split()) == 1 and first.isascii() and first.isprintable():
        raise one_of("command", first, [*usage.COMMANDS, "or a sentence in quotes"])
    return "run", [f"instruction={first}", *words[1:]]


def _fresh_folder(command: str) -> Path:
    """outputs/COMMAND/TIME, a name that is not taken."""
    stem = Path("outputs") / command / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder, number = stem, 1
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}_{number}")
    return folder
