"""Which parts of a model learn, and how: frozen, LoRA or full, part by part.

PaLM-E (Driess et al. 2023, section 5, "Variation with model freezing") compares a language model that stays as it is,
while encoders learn to speak to it, with one that learns along; freezing by part is that comparison's switch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from agent.vlm.adapt.lora import KINDS, LoraConfig, LoraLayer, lora_layers, put_lora
from agent.vlm.adapt.swap import matching_linears
from agent.vlm.checkpoint import save_tensors
from agent.vlm.files import CheckpointError, load_tensors, read_header, shown

Learning = Literal["frozen", "lora", "full"]
PARTS: Mapping[str, tuple[str, ...]] = {
    "projector": ("project.*", "state.*", "prefix_norm.*", "encoders.*.project.*", "object_encoder.*.project.*"),
    "vision": ("vision.*", "encoders.*", "object_encoder.*"),
    "decoder": ("decoder.*",),
    "pointer": ("pointer.*", "nothing.*"),
}
"""A model's parts, each with patterns of its parameters' names; the first that fits counts. Every encoder of a
multimodal model goes with `vision`."""
FORMAT = "palmetto-adapter-1"


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """How each part learns. The default is the paper's frozen language model, met halfway by LoRA."""

    vision: Learning = "full"
    projector: Learning = "full"
    decoder: Learning = "lora"
    pointer: Learning = "full"
    lora: LoraConfig = field(default_factory=LoraConfig)

    def __post_init__(self) -> None:
        for part in PARTS:
            if self.learning(part) not in get_args(Learning):
                raise ValueError(f"{part}={self.learning(part)}: there are {', '.join(get_args(Learning))}")

    def learning(self, part: str) -> Learning:
        """Of one of PARTS."""
        chosen: Learning = getattr(self, part)
        return chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class Adapted:
    """A model that is being adapted. base_sha256: `weights_sha256` of what it was before."""

    model: nn.Module
    adaptation: Adaptation
    base: str
    base_sha256: str

    def train(self) -> None:
        """Training mode for what learns. Batch norms of a part that does not learn in full keep their statistics."""
        self.model.train()
        for name, module in self.model.named_modules():
            if name and self.adaptation.learning(part_of(f"{name}.")) != "full":
                module.training = isinstance(module, LoraLayer)  # its dropout

    def tensors(self, state: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Everything that may differ from the base: LoRA's matrices, and parameters and buffers of full parts. state:
        in place of the model's own."""
        own = self.model.state_dict() if state is None else state
        return {name: v for name, v in own.items() if self._learns(name)}

    def _learns(self, name: str) -> bool:
        return _is_lora(name) or self.adaptation.learning(part_of(name)) == "full"

    def save(self, path: Path, state: Mapping[str, Tensor] | None = None) -> None:
        """Write the adapter: what learnt, and the name and hash of its base. state: see `tensors`."""
        notes = {
            "format": FORMAT, "base": self.base, "base_sha256": self.base_sha256,
            "adaptation": json.dumps(asdict(self.adaptation)),
        }  # fmt: skip
        save_tensors(path, self.tensors(state), notes)


def part_of(name: str) -> str:
    """The part that a parameter belongs to.

    Raises:
        ValueError: to none.
    """
    for part, patterns in PARTS.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return part
    raise ValueError(f"{name} belongs to none of the parts {', '.join(PARTS)}")


def _is_lora(name: str) -> bool:
    return name.endswith((".lora_a", ".lora_b"))


def adapt(model: nn.Module, adaptation: Adaptation, *, base: str) -> Adapted:
    """Freeze and unfreeze the model's parameters and put LoRA layers in, in place.

    base: what the model is called, for the adapter's file.

    Raises:
        ValueError: a parameter of no part, a part to adapt by LoRA without a layer that `targets` fits, or a model that
            has LoRA layers already.
    """
    if lora_layers(model):
        raise ValueError("the model has LoRA layers already; bake them in, or load it again")
    digest = weights_sha256(model.state_dict())
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(adaptation.learning(part_of(name)) == "full")
    wanted = matching_linears(model, adaptation.lora.targets, tuple(KINDS))
    for part in PARTS:
        if adaptation.learning(part) != "lora":
            continue
        names = [name for name in wanted if part_of(f"{name}.") == part]
        if not names:
            raise ValueError(f"{part}=lora: none of its linear layers is called {' or '.join(adaptation.lora.targets)}")
        for name in names:
            put_lora(model, name, adaptation.lora)
    return Adapted(model=model, adaptation=adaptation, base=base, base_sha256=digest)


def load_adapter(path: Path, model: nn.Module) -> Adapted:
    """Adapt `model`, which must be the adapter's base, and fill in what was learnt.

    Raises:
        CheckpointError: a torn or foreign file, another base than the adapter's, or a tensor that does not fit.
    """
    notes = read_header(path).metadata
    if notes.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no adapter: its format is {shown(notes.get('format'))}, not {FORMAT!r}")
    base, wanted, found = notes.get("base", ""), notes.get("base_sha256", ""), weights_sha256(model.state_dict())
    if wanted != found:
        raise CheckpointError(
            f"{path} adapts {shown(base)}, whose weights have sha256 {wanted[:64]}; these have {found}; load its base"
        )
    try:
        said = json.loads(notes.get("adaptation", ""))
        lora = {**said.pop("lora")}
        lora["targets"] = tuple(lora["targets"])
        adapted = adapt(model, Adaptation(**said, lora=LoraConfig(**lora)), base=base)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path}: its adaptation does not read ({error})") from error
    own, given = adapted.tensors(), load_tensors(path)
    for name in [*own, *given]:
        if name not in given or name not in own:
            raise CheckpointError(f"{path} {'lacks' if name in own else 'has a foreign'} tensor {shown(name)}")
        if own[name].shape != given[name].shape:
            raise CheckpointError(f"{path}: {name} is {list(given[name].shape)}, the model has {list(own[name].shape)}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])
    return adapted


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """One hash of all tensors: names in order, each with dtype, shape and bytes, however a file lays them out."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()
