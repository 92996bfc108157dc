"""Arguments -> a command's options, through Hydra; everything wrong with them becomes one line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from agent.errors import UserError, one_of

RAW = (
    "instruction", "goal", "out", "instructions", "data", "checkpoint", "bundle", "recording", "first", "second", "map",
    "token", "board", "views", "into",
)  # fmt: skip
"""Options whose value is taken as typed: sentences, goals and paths have commas and brackets of their own."""
WIRING = ("world", "checks", "texts", "foreign", "play", "looks", "closed_loop")
"""Options that name parts of the program, for the composition alone."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """A command line, read. `raw`: options taken as typed; `overrides`: the rest, in Hydra's grammar."""

    command: str
    raw: dict[str, str]
    overrides: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """As they can be read again."""
        return (*(f"{key}={value}" for key, value in self.raw.items()), *self.overrides)


def split_raw(command: str, words: Sequence[str]) -> Arguments:
    """Parts `instruction=...` and its like from what Hydra reads."""
    raw: dict[str, str] = {}
    overrides = []
    for word in words:
        key, equals, value = word.partition("=")
        if key[:1] in "+~" or re.split(r"[./]", key)[0] in ("hydra", *WIRING) or key.rpartition(".")[2].startswith("_"):
            raise UserError(f"{word[:60]!r}: options can be changed, not added, removed or wired otherwise")
        if not equals:
            raise UserError(f"what is {word[:60]!r}? options are written key=value, a sentence in one pair of quotes")
        if key in RAW:
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            raw[key] = value[1:-1] if quoted else value
        else:
            overrides.append(word)
    return Arguments(command=command, raw=raw, overrides=tuple(overrides))


def options(arguments: Arguments) -> DictConfig:
    """The command's composed options, resolved, with types like those of the defaults.

    Raises:
        UserError: an option or a choice that is not there, a value of the wrong type.
    """
    with initialize_config_module("conf", version_base="1.3", job_name="palmetto"):
        base = compose(arguments.command)
        overrides = [o for override in arguments.overrides for o in as_folder(override)]
        try:
            composed = compose(arguments.command, overrides)
        except (HydraException, OmegaConfBaseException) as e:
            raise _explained(e, arguments.command, base) from e
    for key, value in arguments.raw.items():
        if key not in base:
            raise one_of(f"option of {arguments.command}", key, named(base))
        composed[key] = value.replace("\\", "\\\\").replace("${", "\\${") if "${" in value else value
    _check_types(base, composed, "")
    return composed


def named(config: DictConfig) -> list[str]:
    """The options that a person may set: those of the first level, without what the command is wired to."""
    return [str(k) for k in config if not str(k).startswith("_") and str(k) not in WIRING]


def choices(group: str) -> list[str]:
    """The options of a group: the files in its folder."""
    folder = resources.files("conf") / group
    return sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")) if folder.is_dir() else []


def groups() -> list[str]:
    """The groups: the folders of conf/."""
    return sorted(p.name for p in resources.files("conf").iterdir() if p.is_dir() and not p.name.startswith("_"))


def sweep(arguments: Arguments) -> Iterator[Arguments]:
    """One command line for each combination of the values that a multirun gives, in Hydra's sweep grammar."""
    parser = OverridesParser.create()
    axes = []
    for text in arguments.overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as e:
            raise UserError(f"can't read {text!r}: {e}") from e
        if override.is_sweep_override():
            key = override.get_key_element()
            axes.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            axes.append([text])
    for combination in itertools.product(*axes):
        yield Arguments(command=arguments.command, raw=arguments.raw, overrides=combination)


def as_folder(override: str) -> list[str]:
    """`planner=DIR` is the choice `folder` with that path."""
    key, _, value = override.partition("=")
    if key != "planner" or value in choices("planner"):
        return [override]
    if not Path(value).expanduser().exists():
        shipped = [c for c in choices("planner") if c != "folder"]
        raise one_of("planner", value, [*shipped, "or the folder of a checkpoint"])
    return ["planner=folder", f"planner.name='{Path(value).expanduser()}'"]


def _explained(error: Exception, command: str, base: DictConfig) -> UserError:
    text = str(error)
    if match := re.search(r"(?:Could not override|Key) '([^']+)'", text):
        key = match.group(1)
        inner = OmegaConf.select(base, key.rpartition(".")[0]) if "." in key else base
        if isinstance(inner, DictConfig):
            return one_of(f"option of {command}", key, named(inner))
        return one_of(f"option of {command}", key, named(base))
    if match := re.search(r"(?:Could not find|In '[^']*': Could not find) '([^'/]+)/([^']+)'", text):
        return one_of(match.group(1), match.group(2), choices(match.group(1)))
    return UserError(f"can't read the options: {text.splitlines()[0]}")


def _check_types(base: DictConfig, composed: DictConfig, prefix: str) -> None:
    for key in map(str, composed):
        if key not in base:
            continue
        default, value = base[key], composed[key]
        name = f"{prefix}{key}"
        if isinstance(default, DictConfig) and isinstance(value, DictConfig):
            _check_types(default, value, f"{name}.")
        elif isinstance(default, DictConfig):
            raise UserError(f"{name}={value!r} does not fit: it has parts, {', '.join(named(default))}")
        elif isinstance(default, bool | int | float | str) and not _alike(default, value):
            raise UserError(f"{name}={value!r} does not fit: it takes {_KIND[type(default)]}, such as {default}")


_KIND: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _alike(default: bool | int | float | str, value: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if default == "auto":
        return isinstance(value, int | str)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))
