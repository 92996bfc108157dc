"""`doctor`: what is installed, what works, what to do about the rest."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from time import perf_counter

from agent.artifacts import RunRecord
from agent.commands.learning import INSTALL
from agent.errors import Exit

LIGHT = (
    "numpy", "pybullet", "onnxruntime", "moderngl", "hydra-core", "av", "opencv-python-headless", "rich",
    "gymnasium", "safetensors", "tokenizers",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at. remedy: what to do about it, or "". needed: the main job fails without it."""

    what: str
    fine: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def doctor(*, record: RunRecord, checks: list[Callable[[], tuple[bool, str, str]]]) -> Exit:
    """See conf/doctor.yaml. `checks`: further ones; each returns (fine, detail, remedy), its function names it."""
    findings = [*python(), *packages(), *planner(), *extras()]
    for check in checks:
        name = getattr(getattr(check, "func", check), "__name__", "check")
        findings.append(_caught(name.replace("_", " "), check))
    for f in findings:
        mark = "ok" if f.fine else "MISSING" if f.needed else "-"
        print(f"{mark:8}{f.what:26}{f.detail}")
        if f.remedy:
            print(f"{'':8}{'':26}-> {f.remedy}")
    record.figures["findings"] = [vars(f) for f in findings]
    healthy = all(f.fine for f in findings if f.needed)
    print("all that the main job needs is here" if healthy else "the main job can't run yet: see MISSING above")
    return Exit.DONE if healthy else Exit.FAILED


def python() -> Iterator[Finding]:
    fine = (3, 10) <= sys.version_info[:2] < (3, 12)
    remedy = "" if fine else "use Python 3.10 or 3.11: pybullet has no wheels for others"
    detail = f"{platform.python_version()} on {platform.machine()}"
    yield Finding(what="python", fine=fine, detail=detail, remedy=remedy)


def packages() -> Iterator[Finding]:
    for name in LIGHT:
        try:
            yield Finding(what=name, fine=True, detail=metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(what=name, fine=False, detail="not installed", remedy="pip install . (in the checkout)")


def planner() -> Iterator[Finding]:
    def check() -> tuple[bool, str, str]:
        from agent import load_planner

        start = perf_counter()
        load_planner("nano")
        return True, f"loaded in {perf_counter() - start:.1f} s, its hashes agree", ""

    yield _caught("planner nano", check)


def extras() -> Iterator[Finding]:
    for extra, modules in (
        ("train", ("torch", "tensorboard")),
        ("export", ("torch", "onnx", "onnxscript")),
        ("ros2", ("cyclonedds",)),
    ):
        missing = [m for m in modules if find_spec(m) is None]
        detail = "missing: " + ", ".join(missing) if missing else "installed"
        remedy = INSTALL[extra] if missing else ""
        yield Finding(what=f"extra [{extra}]", fine=not missing, detail=detail, remedy=remedy, needed=False)


def _caught(what: str, check: Callable[[], tuple[bool, str, str]]) -> Finding:
    """A check that raises is a finding, whatever it raises: finding out is what it is for."""
    try:
        fine, detail, remedy = check()
    except Exception as e:
        return Finding(what=what, fine=False, detail=f"{type(e).__name__}: {' '.join(str(e).split())}"[:200])
    return Finding(what=what, fine=fine, detail=detail, remedy=remedy)


def check_video() -> tuple[bool, str, str]:
    """Whether films can be written."""
    import av

    fine = "libx264" in av.codecs_available
    return fine, f"PyAV {av.__version__}", "" if fine else "pip install --force-reinstall av: this build has no H.264"
