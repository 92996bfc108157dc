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
from agent.onboard.bundle import BundleError, sha256_of
from agent.onboard.language import GRAPH, MANIFEST, WORDS, LanguageManifest, OnnxLanguage, check_version
from agent.onboard.language_graph import UnsupportedError, Weights, oldest_version, write_graph
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
    model: LanguageModel, out: Path, *, weights: Weights = "int8", capacity: int = 0, block: int = 32
) -> dict[str, Any]:
    """Write a bundle into `out` and return the figures of its check.

    capacity: most tokens of a sequence, by default the model's context. block: weights that share a scale.

    Raises:
        UnsupportedError: the graph can't express this member of the family.
        BundleError: neither a capacity nor a context, an onnxruntime that is too old for this model, or a graph that
            does not say what torch says.
    """
    c = model.config
    room = capacity or c.context
    if not room or (c.context and room > c.context):
        raise BundleError(f"capacity={capacity}: say how many tokens, at most the model's context of {c.context}")
    oldest = oldest_version(c, weights)
    check_version(oldest)
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)  # what is half written is no bundle
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        write_graph(model.decoder, Path(scratch) / GRAPH, weights=weights, capacity=room, block=block)
        for file in Path(scratch).iterdir():
            file.replace(out / file.name)
    tokenizer = getattr(model.words, "tokenizer", None)
    files = [GRAPH, f"{GRAPH}.data"]
    if isinstance(tokenizer, Tokenizer):
        (out / WORDS).write_text(tokenizer.to_str())
        files.append(WORDS)
    manifest = LanguageManifest(
        weights=weights, layers=c.layers, kv_heads=c.kv_heads, head_width=c.head_width, vocabulary=c.vocabulary,
        capacity=room, stop=model.stop, onnxruntime=oldest,
        sha256={f: sha256_of(out / f) for f in files},
    )  # fmt: skip
    temporary = out / f"{MANIFEST}.part"
    temporary.write_text(manifest.to_json())
    temporary.replace(out / MANIFEST)
    figures = _check(model, out)
    if not figures["mean_difference"] <= TOLERANCE[weights]:
        (out / MANIFEST).unlink()
        raise BundleError(f"the graph's logits differ from torch's by {figures['mean_difference']:.2g} deviations")
    return {**figures, "bytes": sum((out / f).stat().st_size for f in files)}


@torch.no_grad()
def _check(model: LanguageModel, folder: Path) -> dict[str, float]:
    """Mean and largest difference of logits, in standard deviations of torch's; and how often the likeliest agrees."""
    opened = OnnxLanguage(folder)
    tokens = min(2 * CHECKED, opened.manifest.capacity)
    ids = torch.randint(0, model.config.vocabulary, (1, tokens), generator=torch.Generator().manual_seed(0))
    truth = model.logits(ids)[0, CHECKED - 1 :].numpy()
    reading = opened.read(1, tokens)
    said = [reading.on(ids[:, :CHECKED].numpy())]
    said += [reading.on(ids[:, i : i + 1].numpy()) for i in range(CHECKED, tokens)]
    apart = np.abs(np.concatenate(said) - truth) / truth.std()
    agree = np.concatenate(said).argmax(axis=1) == truth.argmax(axis=1)
    worst, mean = float(apart.max()), float(apart.mean())
    return {"mean_difference": mean, "largest_difference": worst, "agreement": float(agree.mean())}


def export(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `export language=...` does; see conf/export.yaml.

    Raises:
        UserError: a model that does not load, has no graph, or no such context.
    """
    weights: Weights = "int8" if options.get("quantise", True) else "fp32"
    try:
        model = load_pretrained(options["language"])
        capacity = int(options.get("context") or min(model.config.context or DEFAULT_CONTEXT, DEFAULT_CONTEXT))
        return export_language(model, Path(options["out"]), weights=weights, capacity=capacity)
    except (CheckpointError, UnsupportedError, BundleError, OSError) as error:
        raise UserError(f"language={options['language']}: {error}") from error
