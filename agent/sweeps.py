"""`-m` by Hydra's own launchers and sweepers, where a word beginning with `hydra` asks for one.

    palmetto train -m lr=1e-4,3e-4 hydra/launcher=joblib hydra.launcher.n_jobs=2 data=...
    palmetto train -m 'lr=interval(1e-4,1e-3)' hydra/sweeper=optuna hydra.sweeper.n_trials=20 data=...

Needs the `sweep` extra. A sweep without such words is `agent.config.sweep`, one job after the other.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from agent import config
from agent.errors import Exit, PalmettoError, UserError

PLUGINS = {"joblib": "hydra_plugins.hydra_joblib_launcher", "optuna": "hydra_plugins.hydra_optuna_sweeper"}


def by_plugins(arguments: config.Arguments, words: Sequence[str], folder: Path) -> Exit:
    """Every job that Hydra makes of `arguments`, each in a folder of its number. words: those for Hydra itself.

    Raises:
        UserError: a plugin that is not installed.
    """
    for word in words:
        module = PLUGINS.get(word.partition("=")[2])
        if module is not None and (find_spec("hydra_plugins") is None or find_spec(module) is None):
            raise UserError(f'{word} needs a plugin: pip install ".[sweep]"')
    import hydra

    def job(_: object) -> float | None:
        return _job(arguments, folder)

    overrides = [o for override in arguments.overrides for o in config.as_folder(override)]
    quiet = ["hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none"]
    where = [f"hydra.sweep.dir='{folder}'", "hydra.sweep.subdir=${hydra.job.num}", "hydra.job.chdir=false"]
    kept, sys.argv = sys.argv, ["palmetto", "--multirun", *overrides, *quiet, *where, *words]
    try:
        hydra.main(version_base="1.3", config_path="pkg://conf", config_name=arguments.command)(job)()
    except SystemExit as end:  # Hydra has said why
        if end.code:
            return Exit.FAILED
    finally:
        sys.argv = kept
    ended = [json.loads(f.read_text())["status"] for f in sorted(folder.glob("*/result.json"))]
    return Exit.DONE if ended and set(ended) == {"done"} else Exit.FAILED


def _job(arguments: config.Arguments, folder: Path) -> float | None:
    """One job, in whatever process it was sent to -> what a search brings down or up.

    None where there is no such, or the job failed: Optuna then counts it as failed and goes on. (A nan would end the
    search: hydra-optuna-sweeper 1.3 tells it as a value of what has failed, which Optuna refuses.)
    """
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    from agent.cli import run_command

    own = HydraConfig.get()
    out = folder / str(own.job.num)
    print(f"#{own.job.num} {' '.join(own.overrides.task)}", flush=True)
    # The options are composed anew, as for any command, by a Hydra of their own.
    outer, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        mine = replace(arguments, overrides=tuple(own.overrides.task), raw={**arguments.raw, "out": str(out)})
        run_command(mine, perf_counter())
    except PalmettoError as error:
        print(f"palmetto: {error}", file=sys.stderr)
        return None
    finally:
        GlobalHydra.instance().hydra = outer
    found = json.loads((out / "result.json").read_text()).get("objective")
    return found if isinstance(found, int | float) and math.isfinite(found) else None
