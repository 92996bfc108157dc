"""A trained policy without torch: a folder with its ONNX graph, run by onnxruntime.

    session = PolicySession.load("flow")                    # one that ships, or a folder
    step = session.step(Inputs(views=views, state=state), noise=session.noise(rng))
    step.chunk, step.done, step.stuck

policy.onnx       views, state, noise -> chunk, ends (agent.policy.networks)
manifest.json     what it is, which calls it serves, sha256 of every other file; manifest.sha256 of itself
golden.safetensors, receipt.json, MODEL_CARD.md
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.onboard.manifest import MANIFEST, SEAL, BundleError, check_files, sha256_of
from agent.onboard.sessions import CPU, Engine, open_session
from agent.policy.chunks import SCALE, STEP_S, STEPS, WIDTH
from agent.policy.features import SIZE
from agent.policy.view import CELL_M, CELLS, CHANNELS
from agent.verbs import Verb
from robots.relations import Relation

SHIPPED = Path(__file__).parents[1] / "checkpoints" / "policy"
GRAPH, GOLDEN, RECEIPT, CARD = "policy.onnx", "golden.safetensors", "receipt.json", "MODEL_CARD.md"
FORMAT = 1
INPUTS = {
    "cells": CELLS, "cell_m": CELL_M, "channels": CHANNELS, "state": SIZE, "steps": STEPS, "step_s": STEP_S,
    "scale": SCALE.tolist(),
}  # fmt: skip
"""What its numbers mean; a policy that was trained on others can't be used."""


@dataclass(frozen=True, kw_only=True)
class PolicyManifest:
    """kind: flow or regression. serves: verbs and, for place, relations that it was trained and measured for, such as
    "pick" or "place in". robots: bodies that it was trained on."""

    name: str
    kind: str
    serves: Sequence[str]
    robots: Sequence[str]
    inputs: dict[str, Any]
    training: dict[str, Any]
    sha256: dict[str, str]
    licence: str = "Apache-2.0"
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def does(self, verb: Verb, relation: Relation | None = None) -> bool:
        """Whether it may be asked for that."""
        return (verb.value if relation is None else f"{verb.value} {relation.value}") in self.serves


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """views: uint8[3,5,N,N], at the stroke's start, 0.4 s ago and now (agent.policy.view). state: float32[S]."""

    views: NDArray[np.uint8]
    state: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicyStep:
    """chunk: float32[K,7] (agent.policy.chunks). done, stuck: probabilities."""

    chunk: NDArray[np.float32]
    done: float
    stuck: float


class PolicySession:
    """An opened policy."""

    def __init__(self, folder: Path, *, engine: Engine = CPU) -> None:
        self.folder, self.manifest = folder, read_policy_manifest(folder)
        self._session = open_session(folder / GRAPH, engine)
        shapes = {i.name: i.shape[1:] for i in self._session.get_inputs()}
        if shapes != {"views": [3 * CHANNELS, CELLS, CELLS], "state": [SIZE], "noise": [STEPS, WIDTH]}:
            raise BundleError(f"{folder / GRAPH} takes {shapes}, not what this program gives; export it again")

    @classmethod
    def load(cls, name_or_folder: str | Path, *, device: str = "cpu", threads: int = 1) -> PolicySession:
        """The one that ships under a name (flow, regression), or that of a folder.

        Raises:
            BundleError: there is none, its files are missing or damaged, or there is no such device.
        """
        shipped = SHIPPED / str(name_or_folder)
        folder = shipped if shipped.is_dir() else Path(name_or_folder)
        if not folder.is_dir():
            there = ", ".join(sorted(p.name for p in SHIPPED.iterdir())) if SHIPPED.is_dir() else "none"
            raise BundleError(f"no policy {str(name_or_folder)!r}; there is: {there}, or the folder of an exported one")
        return cls(folder, engine=Engine(device=device, threads=threads))

    def noise(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """float32[K,7], what a flow begins with."""
        return rng.standard_normal((STEPS, WIDTH)).astype(np.float32)

    def step(self, inputs: Inputs, *, noise: NDArray[np.float32]) -> PolicyStep:
        """One decision."""
        views = inputs.views.reshape(1, 3 * CHANNELS, CELLS, CELLS).astype(np.float32) / np.float32(255.0)
        chunk, ends = self._session.run(None, {"views": views, "state": inputs.state[None], "noise": noise[None]})
        return PolicyStep(chunk=chunk[0], done=float(ends[0, 0]), stuck=float(ends[0, 1]))


def read_policy_manifest(folder: Path) -> PolicyManifest:
    """Every file checked by its hash, and what the numbers mean against this program.

    Raises:
        BundleError: a file is missing or damaged, or it was trained on other inputs.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder} is no policy: it has no {MANIFEST}; make one with: python launch.py export")
    if not (folder / SEAL).is_file() or (folder / SEAL).read_bytes() != f"{sha256_of(path)}\n".encode():
        raise BundleError(f"{path} is damaged: {SEAL} has another sha256; install or export it again")
    try:
        manifest = PolicyManifest(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise BundleError(f"{path} does not read ({error}); export the policy again") from error
    if manifest.format != FORMAT or manifest.inputs != INPUTS:
        raise BundleError(f"{folder} was trained on inputs that were prepared otherwise; train it again and export it")
    check_files(folder, (GRAPH, *manifest.sha256), manifest.sha256)
    return manifest
