"""Language model -> a bundle that onnxruntime runs, checked against torch. Needs torch, onnx."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from agent.errors import UserError
from agent.onboard.exporting.language_graph import UnsupportedError, Weights, oldest_version, write_graph
from agent.onboard.language import DATA, GRAPH, MANIFEST, WORDS, LanguageManifest, OnnxLanguage, check_version
from agent.onboard.manifest import BundleError, sha256_of
from agent.vlm import load_pretrained
from agent.vlm.checkpoint import CheckpointError
from agent.vlm.generation.language import LanguageModel

TOLERANCE = {"fp32": 1e-3, "int8": 0.5}
"""Largest mean difference of logits allowed, in standard deviations of the logits. That of int8 only tells a broken
graph from a whole one: what int8 costs is told by the figures."""
DEFAULT_CONTEXT = 8192
CHECKED = 24
"""Tokens that are read for the check, and then as many, one by one."""


def export_language(
    model: LanguageModel, out: Path, *, weights: Weights = "int8", capacity: int | None = None, block: int = 64
) -> dict[str, Any]:
    """Write a bundle into `out` and return the figures of its check.

    capacity: most tokens of a sequence, by default the model's context. block: weights that share a scale.

    Raises:
        UnsupportedError: the graph can't express this member of the family.
        BundleError: neither a capacity nor a context, an onnxruntime that is too old for this model, or a graph that
            does not say what torch says.
    """
    c = model.config
    room = c.context if capacity is None else capacity
    if room < 1 or (c.context and room > c.context):
        limit = f"1 to the model's {c.context}" if c.context else "1 or more"
        raise BundleError(f"a context of {room} tokens: say how many, {limit}")
    oldest = oldest_version(c, weights)
    check_version(oldest)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        made = Path(scratch)
        write_graph(model.decoder, made / GRAPH, weights=weights, capacity=room, block=block)
        files = [GRAPH, DATA]
        tokenizer = getattr(model.words, "tokenizer", None)
        if isinstance(tokenizer, Tokenizer):
            (made / WORDS).write_text(tokenizer.to_str())
            files.append(WORDS)
        manifest = LanguageManifest(
            weights=weights, layers=c.layers, kv_heads=c.kv_heads, head_width=c.head_width, vocabulary=c.vocabulary,
            capacity=room, stop=model.stop, onnxruntime=oldest, sha256={f: sha256_of(made / f) for f in files},
        )  # fmt: skip
        (made / MANIFEST).write_text(manifest.to_json())
        figures = _check(model, made)
        if not figures["mean_difference"] <= TOLERANCE[weights]:
            raise BundleError(f"the graph's logits differ from torch's by {figures['mean_difference']:.2g} deviations")
        figures["bytes"] = sum((made / f).stat().st_size for f in files)
        (out / MANIFEST).unlink(missing_ok=True)  # what is half moved is no bundle
        for file in (*files, MANIFEST):
            (made / file).chmod(0o644)
            (made / file).replace(out / file)
    return figures


@torch.no_grad()
def _check(model: LanguageModel, folder: Path) -> dict[str, float]:
    """Mean and largest difference of logits, in standard deviations of torch's; and how often the likeliest agrees."""
    opened = OnnxLanguage(folder)
    tokens = min(2 * CHECKED, opened.manifest.capacity)
    ids = torch.randint(0, model.config.vocabulary, (1, tokens), generator=torch.Generator().manual_seed(0))
    truth = model.logits(ids)[0, CHECKED - 1 :].numpy()
    reading = opened.read(1, tokens)
    try:
        said = [reading.on(ids[:, :CHECKED].numpy())]
        said += [reading.on(ids[:, i : i + 1].numpy()) for i in range(CHECKED, tokens)]
    except Exception as error:  # onnxruntime raises a family of its own, all derived from Exception
        raise BundleError(f"onnxruntime does not run this model's graph: {str(error).splitlines()[0]}") from error
    apart = np.abs(np.concatenate(said) - truth) / truth.std()
    agree = np.concatenate(said).argmax(axis=1) == truth.argmax(axis=1)
    worst, mean = float(apart.max()), float(apart.mean())
    return {"mean_difference": mean, "largest_difference": worst, "agreement": float(agree.mean())}


def export(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `export language=...` does; see conf/export.yaml.

    Raises:
        UserError: a model that does not load, has no graph, or no such context.
    """
    weights: Weights = "fp32" if options["weights"] == "fp32" else "int8"
    if options["weights"] not in ("fp32", "int8"):
        raise UserError(f"weights={options['weights']}: a language model alone has fp32 or int8")
    context = options.get("context")
    if options.get("checkpoint"):
        raise UserError("export one thing at a time: checkpoint=FOLDER, or language=NAME")
    if context is not None and (isinstance(context, bool) or not isinstance(context, int)):
        raise UserError(f"context={context}: a whole number of tokens")
    try:
        model = load_pretrained(options["language"])
        default = min(model.config.context or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
        capacity = default if context is None else context
        return export_language(model, Path(options["out"]), weights=weights, capacity=capacity)
    except (CheckpointError, UnsupportedError, BundleError, OSError) as error:
        raise UserError(f"language={options['language']}: {error}") from error
