"""A language model run by onnxruntime: numpy in, numpy out. Bundles are made by `agent.onboard.exporting.language`.

language.json     sizes, stop tokens, sha256 of every other file
model.onnx        tokens and cache -> logits; its weights lie in model.onnx.data
tokenizer.json    where the model came with one

Shapes: B batch, T tokens, V vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from agent.onboard.manifest import BundleError, check_files
from agent.onboard.sessions import Engine, open_session

FORMAT = 1
MANIFEST, GRAPH, WORDS = "language.json", "model.onnx", "tokenizer.json"
DATA = f"{GRAPH}.data"


@dataclass(frozen=True, kw_only=True)
class LanguageManifest:
    """What the run time must know.

    weights: fp32 or int8. capacity: most tokens of a sequence. stop: ids that end a text. onnxruntime: the oldest
    version that runs the graph rightly, such as "1.24".
    """

    weights: str
    layers: int
    kv_heads: int
    head_width: int
    vocabulary: int
    capacity: int
    stop: Sequence[int]
    onnxruntime: str
    sha256: dict[str, str]
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def read_language_manifest(folder: Path) -> LanguageManifest:
    """The manifest, every file of it checked by hash.

    Raises:
        BundleError: a file is missing or not what the manifest says.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder} has no {MANIFEST}; make one with: python launch.py export language=NAME")
    try:
        manifest = LanguageManifest(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise BundleError(f"{path} does not read ({error}); export it again") from error
    if manifest.format != FORMAT:
        raise BundleError(f"{path} has format {manifest.format}, this program reads {FORMAT}; export it again")
    sizes = (manifest.layers, manifest.kv_heads, manifest.head_width, manifest.vocabulary, manifest.capacity)
    ids = isinstance(manifest.stop, list) and all(type(i) is int for i in manifest.stop)
    said: Any = manifest.sha256
    hashes = isinstance(said, dict) and {GRAPH, DATA} <= said.keys() <= {GRAPH, DATA, WORDS}
    if not (ids and hashes and all(type(n) is int and n > 0 for n in sizes)):
        raise BundleError(f"{path} holds what no export writes; export it again")
    check_files(folder, manifest.sha256, manifest.sha256)
    return manifest


def check_version(oldest: str) -> None:
    """Raises BundleError where onnxruntime is older: it would refuse the graph, or run it wrongly without a word."""
    have, need = ([int(n) for n in version.split(".")[:2]] for version in (ort.__version__, oldest))
    if have < need:
        raise BundleError(
            f"this model needs onnxruntime {oldest} or newer, here is {ort.__version__}: pip install -U onnxruntime"
        )


class OnnxLanguage:
    """An opened bundle. threads: of onnxruntime.

    Raises:
        BundleError: a file is missing or damaged, or onnxruntime is too old.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.manifest = read_language_manifest(folder)
        check_version(self.manifest.onnxruntime)
        self._session = open_session(folder / GRAPH, Engine(threads=threads))
        shape = (self.manifest.kv_heads, self.manifest.head_width)
        caches = [i.shape for i in self._session.get_inputs() if i.name.startswith("keys.")]
        if len(caches) != self.manifest.layers or {(s[1], s[3]) for s in caches} != {shape}:
            raise BundleError(f"{folder / MANIFEST} gives other sizes than the graph has; export it again")
        has_words = WORDS in self.manifest.sha256
        self.tokenizer = Tokenizer.from_file(str(folder / WORDS)) if has_words else None

    def read(self, batch: int, room: int) -> Reading:
        """Sequences to be read from their beginning, each of at most `room` tokens.

        Raises:
            ValueError: more room than the bundle has.
        """
        if room > self.manifest.capacity:
            raise ValueError(f"{room} tokens, but this bundle was made for {self.manifest.capacity}")
        return Reading(self._session, self.manifest, batch, room)

    def generate(self, prompts: Sequence[Sequence[int]], *, max_new: int) -> list[tuple[int, ...]]:
        """Each prompt's likeliest continuation, token by token, by at most `max_new`; without the token that ended it.

        Raises:
            ValueError: an empty prompt, a token that is none, or more than the bundle has room for.
        """
        if not prompts or not all(prompts) or max_new < 1:
            raise ValueError("each prompt needs a token to begin with, and one to be written")
        if not all(0 <= i < self.manifest.vocabulary for prompt in prompts for i in prompt):
            raise ValueError(f"tokens are from 0 to {self.manifest.vocabulary - 1}")
        lengths = np.array([len(p) for p in prompts])
        ids = np.array([[*p, *[0] * (int(lengths.max()) - len(p))] for p in prompts])
        reading = self.read(len(prompts), int(lengths.max()) + max_new)
        stop = np.array(self.manifest.stop, np.int64)
        written: list[NDArray[np.int64]] = []
        open_rows = np.ones(len(prompts), np.bool_)
        logits = reading.on(ids, lengths)
        for step in range(max_new):
            written.append(logits.argmax(axis=1))
            open_rows &= ~np.isin(written[-1], stop)
            if step + 1 == max_new or not open_rows.any():
                break
            logits = reading.on(written[-1][:, None])
        return [_until(row, stop) for row in np.stack(written, axis=1)]


class Reading:
    """A batch of sequences and the cache of what was read; its buffers are written in place."""

    def __init__(self, session: ort.InferenceSession, m: LanguageManifest, batch: int, room: int) -> None:
        self._session, self._room = session, room
        self.lengths = np.zeros(batch, np.int64)
        shape = (batch, m.kv_heads, room, m.head_width)
        names = [f"{kind}.{i}" for i in range(m.layers) for kind in ("keys", "values")]
        self._cache = {name: ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32)) for name in names}

    def on(self, ids: NDArray[np.int64], counts: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Read int64[B,T] -> logits float32[B,V] of what follows each row's last token.

        counts: int64[B], how many of a row's tokens are real, the first ones; None = all.

        Raises:
            ValueError: no room, or rows of different lengths that go on by several tokens at once.
        """
        batch, t = ids.shape
        counts = np.full(batch, t) if counts is None else counts
        after = self.lengths + counts
        if after.max() > self._room:
            raise ValueError(f"{int(after.max())} tokens in a cache for {self._room}")
        if t > 1 and self.lengths.any() and (batch > 1 or counts[0] != t):
            raise ValueError("several tokens at once go on from a cache in one sequence alone")
        binding = self._session.io_binding()
        binding.bind_cpu_input("ids", ids)
        binding.bind_cpu_input("last", counts - 1)
        binding.bind_cpu_input("ends", (after - 1).astype(np.int32))
        binding.bind_cpu_input("longest", np.array([after.max()], np.int32))
        for name, kept in self._cache.items():
            binding.bind_ortvalue_input(name, kept)
            binding.bind_ortvalue_output(f"{name}.new", kept)
        binding.bind_output("logits", "cpu")
        self._session.run_with_iobinding(binding)
        self.lengths = after
        logits: NDArray[np.float32] = next(iter(binding.get_outputs()[-1:])).numpy()
        return logits


def _until(row: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[int, ...]:
    ends: Any = np.flatnonzero(np.isin(row, stop))
    return tuple(int(i) for i in (row[: ends[0]] if len(ends) else row))
