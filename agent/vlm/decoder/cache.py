"""Keys and values of what was read, written in place; layers with a window keep no more than it needs.

Shapes: B batch, T new tokens, S slots, K key-value heads, E head width.

A layer that sees everything has one slot a token. A layer with a window is a ring behind its sinks: slot s of a token
at position p is p where p < sinks, else sinks + (p - sinks) mod ring. The ring is longer than the window by `slack`,
which is how many tokens can be taken up at once, and how far one can go back (`truncate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder.layer import KeyValues
from agent.vlm.decoder.masks import kin, visible


class ContextError(ValueError):
    """More tokens than the model or its cache takes; names the limit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where new tokens go. positions: int64[B,T]. By window: slots to write, how many slots to read, who may look.

    starts: by window, the first slot where all rows write the same contiguous ones, else None.
    """

    positions: Tensor
    slots: dict[int, Tensor]
    starts: dict[int, int | None]
    used: dict[int, int]
    masks: dict[int, Tensor | None]
    causal: bool


class Stored:
    """One layer's keys and values for one step."""

    def __init__(self, tensors: KeyValues, slots: Tensor, start: int | None, used: int) -> None:
        self._tensors, self._slots, self._start, self._used = tensors, slots, start, used

    def put(self, k: Tensor, v: Tensor) -> KeyValues:
        """See `agent.vlm.decoder.layer.Store`."""
        for whole, new in zip(self._tensors, (k, v), strict=True):
            if self._start is not None:
                whole[:, :, self._start : self._start + new.shape[2]] = new
            else:
                rows = torch.arange(len(whole), device=whole.device)[:, None]
                whole[rows, :, self._slots] = new.transpose(1, 2).to(whole.dtype)
        keys, values = self._tensors
        return keys[:, :, : self._used], values[:, :, : self._used]


class KVCache:
    """Of a batch of sequences of different lengths. Everything is allocated at once.

    capacity: most tokens of a sequence. slack: see above; without effect on layers that see everything.
    """

    def __init__(
        self,
        c: DecoderConfig,
        *,
        batch: int = 1,
        capacity: int,
        slack: int = 256,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if capacity < 1 or slack < 1:
            raise ContextError(f"a cache takes 1 token or more, and 1 at once or more, not {capacity} and {slack}")
        if c.context and capacity > c.context:
            raise ContextError(f"{capacity} tokens, but this model's context is {c.context}")
        self.config, self.batch, self.capacity, self.slack = c, batch, capacity, slack
        self.lengths = [0] * batch
        self._high = [0] * batch
        self._size = {w: min(capacity, c.sinks + w + slack) if w else capacity for w in _windows(c)}
        # The last slot takes padding and is never looked at.
        self._held = {w: torch.full((batch, n + 1), -1, device=device) for w, n in self._size.items()}
        self._tensors: list[KeyValues] = []
        for i in range(c.layers):
            shape = (batch, c.kv_heads, self._size[c.window(i)] + 1, c.head_width)
            keys, values = (torch.zeros(shape, dtype=dtype, device=device) for _ in range(2))
            self._tensors.append((keys, values))

    @property
    def nbytes(self) -> int:
        """Bytes of memory that keys and values take."""
        return sum(x.untyped_storage().nbytes() for pair in self._tensors for x in pair)

    @property
    def chunk(self) -> int:
        """Most tokens that can be taken up at once."""
        rings = any(n < self.capacity for n in self._size.values())
        return self.slack if rings else self.capacity

    def store(self, layer: int, place: Place) -> Stored:
        """Where the layer puts its keys and values."""
        w = self.config.window(layer)
        return Stored(self._tensors[layer], place.slots[w], place.starts[w], place.used[w])

    def place(
        self, batch: int, t: int, *, valid: Tensor | None = None, prefix: int = 0, blocks: Tensor | None = None
    ) -> Place:
        """Make room for T new tokens of each sequence; `valid` bool[B,T] where some are padding.

        blocks: int64[B,T], which of the new tokens see each other both ways, however far apart, 0 = none.

        Raises:
            ContextError: no room, too many at once, or a prefix that is not taken up at once.
        """
        counts = [t] * batch if valid is None else [int(n) for n in valid.sum(dim=1)]
        self._check(batch, t, counts, prefix)
        before, full = self.lengths, all(n == t for n in counts)
        same = full and len(set(before)) == 1
        positions = self._positions(t, None if full else valid)
        self.lengths = [n + m for n, m in zip(before, counts, strict=True)]
        self._high = [max(h, n) for h, n in zip(self._high, self.lengths, strict=True)]
        fresh = same and before[0] == 0 and prefix <= 1 and blocks is None
        longest, sinks = max(self.lengths), self.config.sinks
        slots, starts, used, masks = {}, dict[int, int | None](), {}, dict[int, Tensor | None]()
        for w, size in self._size.items():
            slot = torch.where(positions < size, positions, sinks + (positions - sinks) % (size - sinks))
            slots[w] = slot if full or valid is None else torch.where(valid, slot, size)
            starts[w] = int(slot[0, 0]) if same and (t == 1 or longest <= size) else None
            used[w] = max(min(longest, size), 1)
            held = self._held[w]
            held.scatter_(1, slots[w], positions)
            held[:, size] = -1
            if (fresh and (not w or t <= w)) or (same and t == 1 and (not w or longest <= w)):
                masks[w] = None
            else:
                keys = held[:, : used[w]]
                mask = visible(positions, keys, window=w, sinks=sinks, prefix=prefix)
                if blocks is not None:
                    # Only what is taken up now has a block: what was there before has 0.
                    there = torch.zeros_like(held).scatter_(1, slots[w], blocks)[:, : used[w]]
                    mask = mask | kin(blocks, there)
                # A row that is all padding so far looks anywhere, so that its softmax stays finite.
                masks[w] = mask if min(self.lengths) else mask | ~mask.any(dim=-1, keepdim=True)
        return Place(
            positions=positions, slots=slots, starts=starts, used=used, masks=masks, causal=fresh and t > 1
        )  # fmt: skip

    def _positions(self, t: int, valid: Tensor | None) -> Tensor:
        device = next(iter(self._held.values())).device
        start = torch.tensor(self.lengths, device=device)[:, None]
        if valid is None:
            return start + torch.arange(t, device=device)
        return (start + valid.long().cumsum(1) - 1).clamp_min(0)

    def _check(self, batch: int, t: int, counts: Sequence[int], prefix: int) -> None:
        if batch != self.batch:
            raise ContextError(f"{batch} sequences for a cache of {self.batch}")
        for n, m in zip(self.lengths, counts, strict=True):
            if n + m > self.capacity:
                raise ContextError(f"{n + m} tokens for a cache that takes {self.capacity}")
            if m and n < prefix and (n or m < prefix):
                raise ContextError(f"a prefix of {prefix} tokens must be taken up at once, not {n + m} of it")
        if t > self.chunk:
            raise ContextError(f"{t} tokens at once; windows with slack {self.slack} take {self.chunk}")

    def truncate(self, length: int, row: int = 0) -> int:
        """Forget what came after the first `length` tokens of a sequence.

        Returns how many are left: 0 where a window no longer holds what the last of them would need.
        """
        length = min(length, self.lengths[row])
        for w, size in self._size.items():
            ring = size - self.config.sinks
            if self._high[row] > size and length - w + 1 < self._high[row] - ring and length < self.lengths[row]:
                length = 0
        for held in self._held.values():
            held[row, held[row] >= length] = -1
        self.lengths[row] = length
        if length == 0:
            self._high[row] = 0
        return length

    def kept(self, layer: int) -> tuple[KeyValues, Tensor]:
        """The layer's keys and values, and the position of each slot, int64[B,S], -1 = empty."""
        w = self.config.window(layer)
        used = min(max(self.lengths), self._size[w])
        keys, values = self._tensors[layer]
        return (keys[:, :, :used], values[:, :, :used]), self._held[w][:, :used]


def _windows(c: DecoderConfig) -> set[int]:
    return {c.window(i) for i in range(c.layers)}
