"""Tokenizers of others, from tokenizer.json, or from SentencePiece's tokenizer.model where that package is there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer

from agent.vlm.checkpoint import CheckpointError


class Words(Protocol):
    """Text to token ids and back."""

    def ids(self, text: str) -> list[int]:
        """The text alone, without the marks that begin or end a document."""

    def text(self, ids: list[int]) -> str:
        """What the ids say; special tokens left out."""


class JsonWords:
    """A tokenizer of the `tokenizers` library."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def ids(self, text: str) -> list[int]:
        """See `Words`."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, ids: list[int]) -> str:
        """See `Words`."""
        return str(self.tokenizer.decode(ids))


class SentencePieceWords:
    """A model of the `sentencepiece` package."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def ids(self, text: str) -> list[int]:
        """See `Words`."""
        return [int(i) for i in self._processor.encode(text)]

    def text(self, ids: list[int]) -> str:
        """See `Words`."""
        return str(self._processor.decode(ids))


def load_words(folder: Path) -> Words | None:
    """The folder's tokenizer; None where it has none.

    Raises:
        CheckpointError: one that does not load, or a tokenizer.model without the package that reads it.
    """
    if (folder / "tokenizer.json").is_file():
        try:
            return JsonWords(Tokenizer.from_file(str(folder / "tokenizer.json")))
        except Exception as error:  # tokenizers raises bare Exception
            raise CheckpointError(f"{folder}/tokenizer.json does not load: {_line(error)}") from error
    if not (folder / "tokenizer.model").is_file():
        return None
    try:
        sentencepiece = importlib.import_module("sentencepiece")
    except ImportError as error:
        raise CheckpointError(
            f"{folder / 'tokenizer.model'} is read by a package: pip install sentencepiece"
        ) from error
    try:
        return SentencePieceWords(sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model")))
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f"{folder}/tokenizer.model does not load: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
