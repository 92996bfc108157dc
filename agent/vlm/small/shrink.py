"""A model in small numbers: which layers, in which kind, and the file that holds them packed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import nn

from agent.vlm.adapt.swap import matching_linears, put, swap_linears
from agent.vlm.checkpoint import load_weights, save_tensors
from agent.vlm.files import CheckpointError, load_tensors, read_header, shown
from agent.vlm.small.quant import Int4Linear, Int8Linear, SmallLinear
from agent.vlm.small.ternary import TernaryLinear, TernaryTraining

Kind = Literal["int8", "int8_activations", "int4", "ternary"]
FORMAT = "palmetto-small-1"


@dataclass(frozen=True, kw_only=True)
class SmallNumbers:
    """What a linear layer becomes. group, zero_point: of int4 alone (see `Int4Linear`)."""

    kind: Kind
    group: int = 32
    zero_point: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no small numbers {self.kind!r}; there are: {', '.join(get_args(Kind))}")

    def empty(self, inputs: int, outputs: int, *, bias: bool) -> SmallLinear:
        """A layer of this kind, without weights yet."""
        if self.kind == "int4":
            return Int4Linear(inputs, outputs, bias=bias, group=self.group, zero_point=self.zero_point)
        if self.kind == "ternary":
            return TernaryLinear(inputs, outputs, bias=bias)
        return Int8Linear(inputs, outputs, bias=bias, activations=self.kind == "int8_activations")

    @classmethod
    def of(cls, layer: SmallLinear) -> SmallNumbers:
        """What a layer has become."""
        if isinstance(layer, Int4Linear):
            return cls(kind="int4", group=layer.group, zero_point=layer.zero is not None)
        if isinstance(layer, Int8Linear):
            return cls(kind="int8_activations" if layer.activations else "int8")
        return cls(kind="ternary")


def shrink(model: nn.Module, numbers: SmallNumbers, targets: tuple[str, ...] = ("*",)) -> list[str]:
    """Pack the linear layers of these names, in place; returns the names. Those in ternary training count, too.

    Raises:
        ValueError: a pattern that fits none, or a group size that there is not.
    """
    names = matching_linears(model, targets, (nn.Linear, TernaryTraining))

    def packed(linear: nn.Linear) -> SmallLinear:
        empty = numbers.empty(linear.in_features, linear.out_features, bias=linear.bias is not None)
        return empty.fill(linear)

    swap_linears(model, names, packed)
    return names


def save_small(path: Path, model: nn.Module) -> None:
    """All tensors, packed ones packed, and in the file's metadata what each packed layer is."""
    layers = {n: asdict(SmallNumbers.of(part)) for n, part in model.named_modules() if isinstance(part, SmallLinear)}
    save_tensors(path, model.state_dict(), {"format": FORMAT, "layers": json.dumps(layers)})


def load_small(path: Path, model: nn.Module) -> None:
    """Fill a model of plain linear layers from `save_small`'s file, packing the layers that are packed there.

    Raises:
        CheckpointError: a torn or foreign file, or one that does not fit the model.
    """
    notes = read_header(path).metadata
    if notes.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} holds no small numbers: its format is {shown(notes.get('format'))}, not {FORMAT!r}"
        )
    for name, part in _packed(path, notes, model).items():
        put(model, name, part)
    load_weights(model, load_tensors(path), path.name)
    model.eval()


def _packed(path: Path, notes: Mapping[str, str], model: nn.Module) -> dict[str, SmallLinear]:
    """Empty layers by name, as the file's metadata has them."""
    out = {}
    plain: dict[str, Any] = dict(model.named_modules())
    try:
        for name, said in json.loads(notes.get("layers", "")).items():
            linear = plain[name]
            out[name] = SmallNumbers(**said).empty(
                linear.in_features, linear.out_features, bias=linear.bias is not None
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: its layers are not this model's ({shown(str(error))})") from error
    return out
