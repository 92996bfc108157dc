"""The parts of training: mixtures, packing, the mean of weights, devices, memory, figures."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

torch = pytest.importorskip("torch")

from agent import config  # noqa: E402
from agent.errors import UserError  # noqa: E402
from agent.plan import parse_plan  # noqa: E402
from agent.training.batch import encode_sentence, level, make_batch  # noqa: E402
from agent.training.config import TrainConfig, learning_rate  # noqa: E402
from agent.training.device import chosen_device, moved  # noqa: E402
from agent.training.ema import Ema  # noqa: E402
from agent.training.journal import Journal  # noqa: E402
from agent.training.loop import train  # noqa: E402
from agent.training.losses import figures, said, total  # noqa: E402
from agent.training.mishaps import out_of_memory  # noqa: E402
from agent.training.mixture import Mixture, Part, knots, open_mixture, row_generators  # noqa: E402
from agent.training.perception import PerceptionHeads, make_targets  # noqa: E402
from agent.training.recompute import recompute_blocks  # noqa: E402
from agent.vlm.decoder.attention import _by_products, attend  # noqa: E402
from agent.vlm.model import segment_mask  # noqa: E402
from tests.tiny import tiny_stream, tiny_tokenizer  # noqa: E402
from tests.tiny_model import NAMES, tiny_model, tiny_picture, tiny_shards  # noqa: E402

PLAIN = TrainConfig(pictures=4, steps=3, threads=1, warmup=1, decay=0, bf16=False, log_every=1, tensorboard=False)


def _part(name: str, first: int, weight) -> Part:
    return Part(name=name, sources=[[tiny_picture(first + i) for i in range(5)]], weight=knots(weight, name))


def test_a_mixture_draws_by_weights_that_change_with_the_step() -> None:
    parts = [_part("a", 0, [[0, 1], [1000, 0]]), _part("b", 100, [[0, 0], [500, 1]])]
    mixture = Mixture(parts)
    many = replace(PLAIN, pictures=2000, mirrored=0.0)

    def share(step: int) -> float:
        _, of, _ = mixture.draw(step, many)
        return float(np.mean(of))

    assert share(0) == 0.0
    assert share(250) == pytest.approx(0.5 / (0.5 + 0.75), abs=0.05)  # 4.5 standard deviations
    assert share(500) == pytest.approx(1.0 / 1.5, abs=0.05)
    assert share(5000) == 1.0
    pictures, of, _ = mixture.draw(400, PLAIN)
    assert [p.seed >= 100 for p in pictures] == [bool(i) for i in of]
    again, _, _ = Mixture(parts).draw(400, PLAIN)
    assert [(p.seed, p.sentences) for p in pictures] == [(p.seed, p.sentences) for p in again]


def test_a_mixture_is_written_on_the_command_line_or_chosen(tmp_path: Path) -> None:
    def parts(*words: str) -> Any:
        composed: Any = OmegaConf.to_container(config.options(config.split_raw("train", words)))
        return composed["mixture"]["parts"]

    for name in ("a", "b"):
        tiny_shards(tmp_path / name, 2)
    say, both = f"{{data: {tmp_path}/a, weight: 3}}", f"{{data: '{tmp_path}/a,{tmp_path}/b', weight: [[0, 0], [9, 1]]}}"
    mixture = open_mixture(parts(f"mixture.parts={{say: {say}, all: {both}}}"), 16)
    assert [(p.name, len(p), p.weight_at(3)) for p in mixture.parts] == [
        ("say", 2, 3.0),
        ("all", 4, pytest.approx(1 / 3)),
    ]
    assert parts("mixture=tabletop", "mixture.parts.act.weight=2.5")["act"] == {"data": "data/act", "weight": 2.5}
    assert parts() is None
    with pytest.raises(UserError, match=r"mixture\.parts\.say=.*: a part is \{data: FOLDER"):
        open_mixture(parts("mixture.parts={say: {folder: here}}"), 16)


@pytest.mark.parametrize("weight", [-1, "much", [], [[0, 1], [0, 2]], [[0, 1, 2]], [[5, 1], [3, 1]], float("nan")])
def test_what_is_no_weight_is_one_line(weight) -> None:
    with pytest.raises(UserError, match="is no weight"):
        knots(weight, "mixture.parts.a.weight")


def test_a_mixture_without_any_weight_says_at_which_step() -> None:
    with pytest.raises(UserError, match="at step 10 every weight is 0"):
        Mixture([_part("a", 0, [[0, 1], [10, 0]]), _part("b", 0, 0)])


def test_only_what_the_agent_says_is_learnt() -> None:
    stream, model = tiny_stream(), tiny_model()
    pictures = [tiny_picture(i) for i in range(3)]
    batch = make_batch(pictures, stream, model.config)
    ids = batch.ids.flatten()
    assert torch.equal(ids[batch.label_at + 1], batch.label), "each label is the token that follows"
    learnt = torch.zeros_like(ids, dtype=torch.bool)
    learnt[batch.label_at + 1] = True
    learnt = learnt.view(batch.ids.shape)
    for b, p in enumerate(pictures):
        for k, s in enumerate(p.sentences):
            mine = batch.segments[b] == k + 1
            e = encode_sentence(stream, s)
            assert batch.ids[b][mine & ~learnt[b]].tolist() == e.prompt
            assert batch.ids[b][mine & learnt[b]].tolist() == e.plan == stream.calls(parse_plan(s.plan))[0]
    assert not learnt[batch.segments == 0].any(), "nor is padding"
    hidden = torch.randn(*batch.ids.shape, model.config.decoder.width, requires_grad=True)
    words = said(model, batch, None, hidden)["words"].mean
    (slope,) = torch.autograd.grad(words, hidden)
    before = torch.zeros(batch.ids.numel(), dtype=torch.bool)
    before[batch.label_at] = True
    assert torch.equal(slope.abs().sum(-1).flatten() > 0, before)


def test_sentences_without_pictures_are_packed_evenly() -> None:
    stream, sizes = tiny_stream(), tiny_model().config
    bundles = [tiny_picture(i) for i in range(4)]
    long = replace(bundles[0].sentences[0], instruction="put " * 40)
    bundles[0] = replace(bundles[0], sentences=(long, *bundles[0].sentences))
    even = level(bundles, stream)
    count = lambda ps: Counter(s for p in ps for s in p.sentences)  # noqa: E731
    assert count(even) == count(bundles)
    padding = [int((make_batch(ps, stream, sizes).segments == 0).sum()) for ps in (bundles, even)]
    assert padding[1] < 0.5 * padding[0]


def _step(model, heads, stream):
    pictures = [tiny_picture(i) for i in range(3)]
    targets = make_targets(pictures, NAMES, model.config.vision, row_generators(0, 0, range(3)))
    batch = make_batch(pictures, stream, model.config)
    called = [stream.words(n) for n in (*NAMES.colours, *NAMES.kinds, *NAMES.sizes)]
    loss = total(figures(model, heads, batch, targets, called, "both"), PLAIN)
    return loss, [*model.parameters()]


def test_checkpointing_keeps_less_and_learns_the_same() -> None:
    def measured(model) -> tuple[int, list]:
        heads = PerceptionHeads(model.config.vision, NAMES)
        heads.load_state_dict(same.state_dict())
        stored: dict[int, int] = {}

        def keep(t):
            stored[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            held.append(t)
            return t

        held: list = []
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            loss, parameters = _step(model.train(), heads, tiny_stream())
        return sum(stored.values()), list(torch.autograd.grad(loss, parameters, allow_unused=True))

    plain = tiny_model()
    same = PerceptionHeads(plain.config.vision, NAMES)
    twice = copy.deepcopy(plain)
    recompute_blocks(twice)
    (much, slopes), (little, others) = measured(plain), measured(twice)
    assert little < 0.75 * much
    assert all((a is None and b is None) or torch.equal(a, b) for a, b in zip(slopes, others, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), twice.buffers(), strict=True)), "norms count once"


def test_attention_of_short_rows_by_products_is_attention() -> None:
    torch.manual_seed(0)
    mask = segment_mask(torch.tensor([[1] * 9 + [2] * 11 + [0] * 3]), 7)
    q, k, v = (torch.randn(1, heads, 30, 16, requires_grad=True) for heads in (6, 2, 2))
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3, enable_gqa=True)
    ours = _by_products(q, k, v, mask, 0.3)
    torch.testing.assert_close(ours, plain)
    slopes = [torch.autograd.grad((y**2).sum(), (q, k, v)) for y in (ours, plain)]
    for mine, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # where it is taken; to bfloat16's 8 bits of scores up to 4
        assert (attend(q, k, v, mask, causal=False, scale=0.3).float() - plain).abs().max() < 0.05


def test_the_mean_of_weights() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.0)
    ema = Ema(layer, 0.5)
    for step, weight in enumerate((1.0, 2.0, 4.0)):
        with torch.no_grad():
            layer.weight.fill_(weight)
        ema.update(step)
    # It stays by 1/10, 2/11 and 3/12 at first, all below 0.5.
    mean = 0.25 * (2 / 11 * (0.9 * 1.0) + 9 / 11 * 2.0) + 0.75 * 4.0
    with ema.shown() as live:
        assert layer.weight.item() == pytest.approx(mean)
        assert live["weight"].item() == 4.0
    assert layer.weight.item() == 4.0
    ema.update(1000)
    assert ema.shadow["weight"].item() == pytest.approx(0.5 * mean + 2.0)


def test_a_cosine_falls_like_one() -> None:
    curved = TrainConfig(steps=100, warmup=10, decay=80, curve="cosine")
    assert learning_rate(curved, 19) == 1.0
    assert learning_rate(curved, 60) == pytest.approx(0.5)
    assert learning_rate(curved, 80) == pytest.approx(0.5 - 0.5 * np.cos(np.pi / 4))
    assert learning_rate(curved, 0) == pytest.approx(0.1)


def test_devices_are_chosen_or_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def machine(gpus: int, capability: tuple[int, int] = (8, 0)) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    machine(0)
    assert chosen_device("auto", bf16=True).type == "cpu"
    with pytest.raises(UserError, match="finds no GPU; use device=cpu"):
        chosen_device("cuda", bf16=True)
    machine(2)
    assert [str(chosen_device(n, bf16=True)) for n in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:0", "cuda:0", "cuda:1", "cpu",
    ]  # fmt: skip
    with pytest.raises(UserError, match="there are 2 GPUs"):
        chosen_device("cuda:2", bf16=True)
    with pytest.raises(UserError, match="there are auto, cpu, cuda and cuda:N"):
        chosen_device("gpu", bf16=True)
    machine(1, (7, 5))
    with pytest.raises(UserError, match="set bf16=false"):
        chosen_device("auto", bf16=True)
    assert chosen_device("auto", bf16=False).type == "cuda"


def test_every_tensor_of_a_batch_goes_to_the_device() -> None:
    batch = make_batch([tiny_picture(0)], tiny_stream(), tiny_model().config, parts=("a",))
    there = moved(batch, torch.device("meta"))
    tensors = [getattr(there, f.name) for f in fields(there) if f.name != "parts"]
    assert {str(t.device) for t in tensors} == {"meta"}
    assert there.parts == ("a",)
    assert moved(batch, torch.device("cpu")) is batch


def test_memory_that_runs_out_says_what_to_change() -> None:
    hint = (
        r"memory is full: lower pictures \(4\), or lower sentences \(6\), or set checkpointing=true, or set bf16=true"
    )
    with pytest.raises(UserError, match=hint), out_of_memory(PLAIN):
        torch.empty(1 << 50)
    with pytest.raises(UserError, match="the GPU's memory is full: lower pictures"), out_of_memory(PLAIN):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    with pytest.raises(UserError, match="memory is full"), out_of_memory(PLAIN):
        raise MemoryError
    with pytest.raises(RuntimeError, match="shapes"), out_of_memory(PLAIN):
        raise RuntimeError("shapes do not fit")


@pytest.mark.parametrize("what", ["the loss", "its gradient"])
def test_what_is_no_number_ends_the_run_before_it_is_saved(tmp_path: Path, what: str) -> None:
    model = tiny_model()
    if what == "the loss":
        with torch.no_grad():
            model.pointer.bias.fill_(float("nan"))
    else:
        model.pointer.weight.register_hook(lambda slope: slope * float("inf"))
    data = [[tiny_picture(i) for i in range(4)]]
    with pytest.raises(FloatingPointError, match=rf"step 0: {what} is .*; lower lr \(0.0003\) or lr_new .*bf16=false"):
        train(model, tiny_tokenizer(), NAMES, data, tmp_path, PLAIN, lambda line: None)
    assert not (tmp_path / "training.json").exists()
    assert not torch.isnan(model.decoder.embed.weight).any()


def test_tensorboard_has_the_figures(tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Journal(tmp_path, lambda line: None, start=0, steps=4, tensorboard=True) as journal:
        for step in (2, 4):
            journal.note(step, loss=1.0 / step, lr=1.0, means={"words": 0.5, "words@act": 0.25})
    board = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [(e.step, e.value) for e in board.Scalars("loss")] == [(2, 0.5), (4, 0.25)]
    assert [e.value for e in board.Scalars("words/act")] == [0.25, 0.25]
