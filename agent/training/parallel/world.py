"""The processes of a run: who is who, what is added up between them, and how all of them end when one does.

Every process must find `data`, `start` and `out` under the same paths; the first alone writes and speaks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, cast, get_args

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import Store
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.rendezvous import rendezvous

from agent.artifacts import is_one_of_many
from agent.errors import Exit, PalmettoError, SilentError, UserError

Parallel = Literal["ddp", "fsdp", "tp"]
"""ddp: each process has the whole model and its rows of each step. fsdp: the same, and keeps a part of every weight,
of its gradient and of the optimizer's state (Zhao et al. 2023; ZeRO, Rajbhandari et al. 2019, stage 3). tp: all have
every row, and each its part of the decoder's matrices (Megatron-LM, Shoeybi et al. 2019, section 3)."""
PATIENCE = timedelta(hours=2)
"""How long the others wait for one, while the first plays a round of episodes or writes."""
_FAILED = "palmetto/failed"
_LOST = ("Connection", "connection", "peer", "gloo", "Gloo", "NCCL", "Socket", "store", "timed out", "Timed out")


@dataclass(frozen=True, kw_only=True)
class World:
    """rank: which process this is of `size`. By default the only one."""

    rank: int = 0
    size: int = 1
    how: Parallel = "ddp"
    device: str = "cpu"

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def shares(self) -> int:
        """How many processes share a step's rows out among them."""
        return 1 if self.how == "tp" else self.size

    def rows(self, count: int) -> range:
        """Which of a step's `count` rows are this process's.

        Raises:
            UserError: there are more processes than rows.
        """
        if count < self.shares:
            raise UserError(f"pictures={count} can't be shared out over {self.shares} processes; give at least as many")
        at = self.rank if self.shares > 1 else 0
        return range(count * at // self.shares, count * (at + 1) // self.shares)

    def added(self, part: Tensor) -> Tensor:
        """The sum over all processes that share rows out."""
        if self.shares > 1:
            dist.all_reduce(part)
        return part

    def told(self, value: Any) -> Any:
        """What the first process has, as JSON; the others' own value does not count."""
        if self.size == 1:
            return value
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        length = torch.tensor([len(data)])
        dist.broadcast(length, 0)
        data = data if self.first else torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(data, 0)
        return json.loads(data.numpy().tobytes())

    def agree(self, value: Any, what: str) -> None:
        """Raises a UserError in every process where one has another value (as JSON) than the first."""
        same = torch.tensor([int(self.told(value) == json.loads(json.dumps(value)))])
        if self.size > 1:
            dist.all_reduce(same, dist.ReduceOp.MIN)
        if not int(same):
            raise UserError(
                f"the processes do not see the same {what}; on several machines it must lie on a shared disk"
            )

    def wait(self) -> None:
        """Until all are here."""
        self.told(None)

    def mesh(self) -> DeviceMesh:
        """All processes in a row."""
        return init_device_mesh(self.device, (self.size,))


@contextmanager
def open_world(how: str, device: str) -> Iterator[World]:
    """The world that torchrun started this process in, or one of this process alone. device: as in `TrainConfig`.

    Where one process fails, its line is the only one; the others end with the same code, and silently.

    Raises:
        UserError: `how` is none of `Parallel`, or is one that needs torchrun, which did not start this.
        SilentError: another process has failed.
    """
    if how not in get_args(Parallel):
        raise UserError(f"parallel={how}: there are {', '.join(get_args(Parallel))}")
    if not is_one_of_many():
        if how != "ddp":
            start = f"torchrun --nproc-per-node 2 launch.py train parallel={how} ..."
            raise UserError(f"parallel={how} is for several processes: {start}")
        yield World()
        return
    gpu = device != "cpu" and torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    store, rank, size = next(iter(rendezvous("env://", timeout=PATIENCE)))
    # What the processes say to each other, such as how a round ended, is on the processor.
    backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield World(rank=rank, size=size, how=cast(Parallel, how), device="cuda" if gpu else "cpu")
    except (PalmettoError, RuntimeError) as error:
        raise _of_all(error, store, rank) from error
    finally:
        dist.destroy_process_group()


def _of_all(error: PalmettoError | RuntimeError, store: Store, rank: int) -> Exception:
    """What this process ends with: its own error, where it is the first to have one."""
    own = f"{int(error.exit_code) if isinstance(error, PalmettoError) else 1} {rank}"
    lost = not isinstance(error, PalmettoError) and (
        isinstance(error, dist.DistError) or any(sign in str(error) for sign in _LOST)
    )
    try:
        if lost:  # the other will have said why, or is about to
            store.wait([_FAILED], timedelta(seconds=10))
        found = store.compare_set(_FAILED, "", own).decode()
    except RuntimeError:  # the store went with whoever kept it, or nobody has said anything
        return PalmettoError(f"another process of this run is gone: {error}") if lost else error
    if lost or found != own:
        return SilentError(Exit(int(found.split()[0])))
    if isinstance(error, PalmettoError):
        error.of_one = True
    return error
