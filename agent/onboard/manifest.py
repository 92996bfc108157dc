"""What a bundle says of itself: sizes, grammar, normalisation, bodies, and the hashes of all that is in it.

manifest.json holds the SHA-256 of every other file; manifest.sha256 that of manifest.json, so that no byte of a bundle
can change unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from agent.plan import MAX_CALLS, MAX_TEXT_CHARS, MAX_WORDS
from agent.preprocess import PIXEL_MEAN, PIXEL_STD, STATE
from agent.verbs import VERBS, Argument, Beside, Region, Relation, Side, Verb

FORMAT = 2
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
FILES = ("tokenizer.json", "vision.onnx", "decoder.onnx", "embeddings.safetensors")
"""What it takes to plan."""
EVIDENCE = ("golden.safetensors", "receipt.json", "MODEL_CARD.md")
"""What it takes to believe it."""


class BundleError(ValueError):
    """A bundle that can't be used: says which file and what to do."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the run time must know, and where the bundle comes from.

    weights: fp32, fp16, int8 or int4. verbs: those that it may call. grammar: see `grammar_hash`. pixel_mean,
    pixel_std, state: what its inputs were in training (agent.preprocess). robots: names of the bodies that it was
    trained on; none given, any. words: those that names in a plan may be made of besides the instruction's own; none
    given, any. foreign: nouns that training had for what is not there, and which stand for nothing else. licence: SPDX.
    """

    name: str
    weights: str
    image_px: int
    map_grid: int
    map_width: int
    prefix_tokens: int
    layers: int
    kv_heads: int
    head_width: int
    width: int
    verbs: Sequence[str]
    grammar: str
    sha256: dict[str, str]
    training: dict[str, Any]
    pixel_mean: float = PIXEL_MEAN
    pixel_std: float = PIXEL_STD
    state: Sequence[str] = STATE
    robots: Sequence[str] = ()
    words: Sequence[str] = ()
    foreign: Sequence[str] = ()
    licence: str = "Apache-2.0"
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @property
    def may_call(self) -> tuple[Verb, ...]:
        """Its verbs."""
        return tuple(Verb(v) for v in self.verbs)


def grammar_hash(verbs: Iterable[Verb]) -> str:
    """SHA-256 of all that the plan language with these verbs is derived from: declarations, closed words, limits.

    A bundle that was trained for another language would write plans that mean something else here.
    """
    specs = [VERBS[v] for v in sorted(set(verbs), key=lambda v: v.value)]
    said = [(s.verb.value, s.argument.value, s.hand_before.value, s.hand_after.value, s.ends_plan) for s in specs]
    taken = {s.argument for s in specs}
    closed = [[w.value for w in Relation]] if Argument.RELATION in taken else []
    closed += [[w.value for w in which] for which in (Side, Region, Beside)] if Argument.DESTINATION in taken else []
    return hashlib.sha256(json.dumps([said, closed, MAX_CALLS, MAX_WORDS, MAX_TEXT_CHARS]).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seal(folder: Path) -> None:
    """Writes manifest.sha256; the last step of making a bundle."""
    temporary = folder / f"{SEAL}.part"
    temporary.write_text(sha256_of(folder / MANIFEST) + "\n")
    temporary.replace(folder / SEAL)


def read_manifest(folder: Path) -> Manifest:
    """The manifest; every file of the bundle checked by hash, and grammar and inputs against this program's.

    Raises:
        BundleError: a file is missing or not what the manifest says, or it was made for another plan language, or for
            inputs that are prepared otherwise.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}; make one with: python launch.py export")
    if not (folder / SEAL).is_file() or (folder / SEAL).read_bytes() != f"{sha256_of(path)}\n".encode():
        raise BundleError(f"{path} is damaged: {SEAL} has another sha256; install or export it again")
    try:
        manifest = Manifest(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise BundleError(f"{path} does not read ({error}); export the checkpoint again") from error
    _check_types(path, manifest)
    if manifest.format != FORMAT:
        raise BundleError(f"{path} has format {manifest.format}, this program reads {FORMAT}; export it again")
    check_files(folder, (*FILES, *manifest.sha256), manifest.sha256)
    if manifest.grammar != grammar_hash(manifest.may_call):
        raise BundleError(f"{folder} writes another plan language than this program reads; export it again")
    if (manifest.pixel_mean, manifest.pixel_std, tuple(manifest.state)) != (PIXEL_MEAN, PIXEL_STD, STATE):
        raise BundleError(f"{folder} was trained on inputs that were prepared otherwise; train it again and export it")
    return manifest


def fits(manifest: Manifest, robot: str) -> None:
    """Raises BundleError where the bundle was trained for other bodies."""
    if manifest.robots and robot not in manifest.robots:
        raise BundleError(
            f"{manifest.name} was trained on {', '.join(manifest.robots)}, this robot is {robot}; use planner=oracle, "
            "or the folder of an agent that was trained on it"
        )


def _check_types(path: Path, manifest: Manifest) -> None:
    numbers = [v for f in fields(Manifest) if f.type == "int" and (v := getattr(manifest, f.name)) is not None]
    lists = (manifest.words, manifest.foreign, manifest.verbs, manifest.robots, manifest.state)
    words: Any = [w for each in lists for w in _listed(each)]
    typed = all(type(n) is int and n > 0 for n in numbers) and all(type(w) is str for w in words)
    texts = all(type(getattr(manifest, f.name)) is str for f in fields(Manifest) if f.type == "str")
    said: Any = manifest.sha256
    hashed = isinstance(said, dict) and all("/" not in name for name in said)
    if not (typed and texts and hashed) or not {v.value for v in Verb}.issuperset(manifest.verbs):
        raise BundleError(f"{path} holds what no export writes; export the checkpoint again")


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else [None]


def check_files(folder: Path, names: Iterable[str], sha256: Mapping[str, str]) -> None:
    """Raises BundleError where one of `names` is missing from the folder, or is not what its hash says."""
    for name in dict.fromkeys(names):
        file = folder / name
        if not file.is_file():
            raise BundleError(f"{folder} lacks {name}; install or export it again")
        if sha256_of(file) != sha256.get(name):
            raise BundleError(f"{file} is damaged: its sha256 is not the manifest's; install or export it again")
