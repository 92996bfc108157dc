"""`verify`: a bundle against its receipt."""

from __future__ import annotations

from pathlib import Path

from agent import CHECKPOINTS
from agent.artifacts import RunRecord
from agent.errors import Exit, UserError
from agent.onboard.manifest import BundleError
from agent.onboard.sessions import Engine
from agent.onboard.verify import lines
from agent.onboard.verify import verify as work
from agent.policy import verify as policy


def verify(*, record: RunRecord, bundle: str, device: str, threads: int) -> Exit:
    """See conf/verify.yaml."""
    shipped = CHECKPOINTS / bundle
    folder = shipped if shipped.is_dir() else Path(bundle)
    try:
        engine = Engine(device=device, threads=threads)
        if policy.is_policy(folder):
            figures = policy.verify(folder, engine=engine)
            record.figures.update(figures)
            print("\n".join(policy.lines(figures)))
            return Exit.DONE
        figures = work(folder, engine=engine)
    except BundleError as e:
        raise UserError(str(e)) from e
    record.figures.update(figures)
    print("\n".join(lines(figures)))
    return Exit.DONE
