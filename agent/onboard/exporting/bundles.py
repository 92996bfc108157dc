"""Checkpoint -> bundle with its receipt. Needs torch, onnx.

export_bundle(Path("outputs/nano"), Path("bundle"), Export(name="nano"), looks=looks)
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from agent.errors import UserError
from agent.onboard.bundle import Bundle
from agent.onboard.exporting.card import card
from agent.onboard.exporting.graphs import tensors_apart, without_traces, write_graphs
from agent.onboard.exporting.weights import KINDS, SMALLEST_FIRST, Weights, shrink_decoder, shrink_vision, write_table
from agent.onboard.golden import FILE as GOLDEN
from agent.onboard.golden import Look, write_golden
from agent.onboard.manifest import FILES, MANIFEST, SEAL, BundleError, Manifest, seal, sha256_of
from agent.onboard.receipt import FILE as RECEIPT
from agent.onboard.receipt import Limits, Receipt, agreement, golden_of, latency, plans_of, shapes
from agent.planners import trained
from agent.stage import PlannerSource
from agent.verbs import Verb
from agent.vlm.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from agent.vlm.planning import TABLETOP, TorchModel, manifest_of

TENSOR_LOOKS = 16
FAILED = "receipt.failed.json"
ClosedLoop = Callable[[Mapping[str, PlannerSource]], Mapping[str, Any]]
"""Planners by the weights that they have, "torch" first -> `Receipt.closed_loop`."""
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What a bundle is to be.

    weights: "auto" is the smallest that keep the limit on calls. verbs, robots, foreign: see Manifest. golden:
    observations that travel with it. card: a model card to take instead of writing one.
    """

    name: str
    weights: str = "int8"
    verbs: Sequence[str] = TABLETOP
    robots: Sequence[str] = ()
    foreign: Sequence[str] = ()
    golden: int = 20
    limits: Limits = field(default_factory=Limits)
    card: Path | None = None


def export_bundle(
    checkpoint: Path, out: Path, wanted: Export, *, looks: Iterable[Look], observations: int = 500,
    closed_loop: ClosedLoop | None = None, say: Say = print,
) -> Receipt:  # fmt: skip
    """Write a bundle into `out`, measured on so many of the looks. What is there before is replaced when all is well.

    Raises:
        CheckpointError: the checkpoint does not load.
        BundleError: the limits are not kept; what was measured is in `out`/receipt.failed.json.
        UserError: no such weights or verbs.
    """  # fmt: skip
    choices = _choices(wanted)
    loaded = load_checkpoint(checkpoint)
    seen = list(islice(looks, observations))
    if not seen:
        raise BundleError("no observations to hold the bundle against torch on")
    say(f"export   {checkpoint}: {len(seen)} observations")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        made = Path(scratch)
        (made / "graphs").mkdir()
        write_graphs(loaded.model(), made / "graphs")
        torch_model = TorchModel(loaded, _manifest(loaded, wanted, "fp32", {}))
        reference = plans_of(torch_model, seen)
        folders: dict[Weights, Path] = {}
        agreed: dict[str, Any] = {}
        for weights in dict.fromkeys((*choices, "fp32")):
            folders[weights] = _assemble(loaded, wanted, weights, made)
            agreed[weights] = agreement(plans_of(Bundle(folders[weights]), seen), reference)
            say(f"{weights:8} {agreed[weights]}")
            if weights in choices and agreed[weights]["calls_near"] >= wanted.limits.calls * agreed[weights]["calls"]:
                choices = (weights,)  # the smallest that will do
        chosen = choices[-1]
        rgbs = [x.observation.main.rgb for x in seen[:TENSOR_LOOKS]]
        tensors = tensors_apart(Bundle(folders["fp32"]), torch_model, rgbs)
        say(f"tensors  {', '.join(f'{k} {v:.1g}' for k, v in tensors.items())}")
        bundle = Bundle(folders[chosen])
        places = {"torch": checkpoint, "fp32": folders["fp32"], chosen: folders[chosen]}
        loops = {name: partial(trained, name=str(folder)) for name, folder in places.items()}
        receipt = Receipt(
            weights=chosen, graphs=shapes(bundle), tensors=tensors, agreement=agreed,
            closed_loop=dict(closed_loop(loops)) if closed_loop else {}, latency=latency(bundle, seen),
            limits=asdict(wanted.limits), versions=_versions(),
        )  # fmt: skip
        write_golden(folders[chosen] / GOLDEN, golden_of(bundle, seen[: wanted.golden]))
        _finish(loaded, wanted, folders[chosen], receipt)
        if broken := receipt.broken():
            shutil.copyfile(folders[chosen] / RECEIPT, out / FAILED)
            raise BundleError(f"{'; '.join(broken)}; {out / FAILED} has the figures")
        Bundle(folders[chosen])
        (out / MANIFEST).unlink(missing_ok=True)
        for file in sorted(folders[chosen].iterdir(), key=lambda f: f.name == SEAL):
            file.chmod(0o644)
            file.replace(out / file.name)
    return receipt


def _choices(wanted: Export) -> tuple[Weights, ...]:
    if unknown := set(wanted.verbs) - {v.value for v in Verb}:
        raise UserError(f"verbs: there is no {', '.join(sorted(unknown))}")
    if wanted.weights == "auto":
        return SMALLEST_FIRST
    found = tuple(w for w in KINDS if w == wanted.weights)
    if not found:
        raise UserError(f"weights={wanted.weights}: there are {', '.join(KINDS)}, and auto")
    return found


def _assemble(loaded: Checkpoint, wanted: Export, weights: Weights, made: Path) -> Path:
    """A bundle with these weights that can be opened, without its evidence."""
    folder = made / weights
    folder.mkdir()
    shrink_vision(made / "graphs" / "vision.onnx", folder / "vision.onnx", weights)
    shrink_decoder(made / "graphs" / "decoder.onnx", folder / "decoder.onnx", weights)
    for graph in ("vision.onnx", "decoder.onnx"):
        without_traces(folder / graph)
    table = loaded.model().decoder.embed.weight.detach().float().numpy()
    write_table(table, folder / "embeddings.safetensors", weights)
    (folder / "tokenizer.json").write_text(loaded.tokenizer.to_str())
    hashes = {file: sha256_of(folder / file) for file in FILES}
    (folder / MANIFEST).write_text(_manifest(loaded, wanted, weights, hashes).to_json())
    seal(folder)
    return folder


def _finish(loaded: Checkpoint, wanted: Export, folder: Path, receipt: Receipt) -> None:
    """Adds receipt and model card, and the hashes of all evidence."""
    (folder / RECEIPT).write_text(receipt.to_json())
    text = wanted.card.read_text() if wanted.card else card(wanted.name, loaded, receipt)
    (folder / "MODEL_CARD.md").write_text(text)
    kept = [f.name for f in folder.iterdir() if f.name not in (MANIFEST, SEAL)]
    hashes = {name: sha256_of(folder / name) for name in sorted(kept)}
    (folder / MANIFEST).write_text(_manifest(loaded, wanted, receipt.weights, hashes).to_json())
    seal(folder)


def _manifest(loaded: Checkpoint, wanted: Export, weights: str, hashes: dict[str, str]) -> Manifest:
    return manifest_of(
        loaded, name=wanted.name, weights=weights, verbs=wanted.verbs, robots=wanted.robots, foreign=wanted.foreign,
        sha256=hashes,
    )  # fmt: skip


def _versions() -> dict[str, str]:
    import numpy
    import onnx
    import onnxruntime
    import torch

    return {m.__name__: m.__version__ for m in (torch, onnx, onnxruntime, numpy)}


def export(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the command does; see conf/export.yaml.

    Raises:
        UserError: no checkpoint given, one that does not load, or a bundle that does not keep its limits.
    """
    if not options.get("checkpoint"):
        raise UserError("export what? checkpoint=FOLDER, as `palmetto train` wrote it")
    out = Path(options["out"])
    wanted = Export(
        name=options["name"], weights=str(options["weights"]), verbs=options["verbs"], robots=options["robots"] or (),
        foreign=options["foreign"] or (), golden=options["golden"], limits=options["limits"],
        card=Path(options["card"]) if options["card"] else None,
    )  # fmt: skip
    try:
        receipt = export_bundle(
            Path(options["checkpoint"]), out, wanted, looks=options["looks"](), observations=options["observations"],
            closed_loop=partial(options["closed_loop"], episodes=options["episodes"]) if options["episodes"] else None,
        )  # fmt: skip
    except (CheckpointError, BundleError) as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    size = sum(f.stat().st_size for f in out.iterdir() if f.is_file())
    return {"bytes": size, **asdict(receipt)}
