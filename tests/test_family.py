"""Every member of the family says what transformers says: whole, padded, cached; and the presets have their sizes."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from agent.vlm import load_pretrained  # noqa: E402
from agent.vlm.config import DecoderConfig  # noqa: E402
from agent.vlm.decoder import Decoder, presets  # noqa: E402
from agent.vlm.generation.language import NO_LABEL, LanguageModel  # noqa: E402
from tests.foreign import FAMILY, foreign, save_foreign  # noqa: E402

SUMS = 1e-5
"""Tolerance between two orders of the same float32 sums, logits of order one."""
T = 21


@pytest.fixture(scope="module", params=FAMILY, ids=lambda name: name.replace(", ", "-").replace(" ", "_"))
def pair(request, tmp_path_factory):
    """Their model, ours from what it saved, and ids int64[3,T]."""
    pytest.importorskip("transformers")
    theirs = foreign(request.param)
    folder = save_foreign(theirs, tmp_path_factory.mktemp("model"))
    torch.manual_seed(1)
    return theirs, load_pretrained(folder), torch.randint(3, 96, (3, T))


def test_whole(pair) -> None:
    theirs, ours, ids = pair
    with torch.no_grad():
        expected = theirs(ids).logits
        found = ours.logits(ids)
    assert expected.std() > 0.1, "logits that are all alike would prove nothing"
    assert (found - expected).abs().max() < SUMS


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded(pair, side: str) -> None:
    theirs, ours, ids = pair
    mask = torch.ones_like(ids, dtype=torch.bool)
    for row, pads in enumerate((0, 3, 9)):
        mask[row, slice(0, pads) if side == "left" else slice(T - pads, T)] = False
    with torch.no_grad():
        expected = theirs(torch.where(mask, ids, 0), attention_mask=mask.long()).logits
        found = ours.logits(torch.where(mask, ids, 0), mask)
    assert (found - expected)[mask].abs().max() < SUMS


@pytest.mark.parametrize("chunk", [1, 4, 7])
def test_cached(pair, chunk: int) -> None:
    theirs, ours, ids = pair
    cache = ours.new_cache(batch=3, capacity=T, slack=8)
    with torch.no_grad():
        expected = theirs(ids).logits
        hidden = [ours.decoder.extend(ours.decoder.words(part), cache) for part in ids.split(chunk, dim=1)]
    assert (ours.decoder.logits(torch.cat(hidden, dim=1)) - expected).abs().max() < SUMS


def test_cached_with_padding_anywhere(pair) -> None:
    """Three sequences at their own speeds, padding between their tokens, against each one alone in transformers."""
    theirs, ours, ids = pair
    g = torch.Generator().manual_seed(2)
    cache, done = ours.new_cache(batch=3, capacity=T, slack=8), [0, 0, 0]
    found: list[list] = [[], [], []]
    with torch.no_grad():
        while min(done) < T:
            valid = torch.rand(3, 6, generator=g) < 0.6
            valid[:, 2] |= torch.tensor(done) == 0
            part = torch.zeros(3, 6, dtype=torch.long)
            for row in range(3):
                at = torch.nonzero(valid[row])[:, 0]
                valid[row, at[T - done[row] :]] = False
                at = at[: T - done[row]]
                part[row, at] = ids[row, done[row] : done[row] + len(at)]
                done[row] += len(at)
            hidden = ours.decoder.extend(ours.decoder.words(part), cache, valid=valid)
            for row in range(3):
                found[row].append(hidden[row, valid[row]])
        logits = ours.decoder.logits(torch.stack([torch.cat(rows) for rows in found]))
        assert (logits - theirs(ids).logits).abs().max() < SUMS


def test_packed(pair) -> None:
    """In the processor's own layout: other orders of sums, nothing else."""
    theirs, ours, ids = pair
    packed = copy.deepcopy(ours)
    packed.decoder.pack()
    assert not any(type(child) is torch.nn.Linear for layer in packed.decoder.layers for child in layer.children())
    cache = packed.new_cache(batch=3, capacity=T, slack=8)
    with torch.no_grad():
        expected = theirs(ids).logits
        hidden = [packed.decoder.extend(packed.decoder.words(part), cache) for part in ids.split(4, dim=1)]
        assert (packed.logits(ids) - expected).abs().max() < SUMS
    assert (packed.decoder.logits(torch.cat(hidden, dim=1)) - expected).abs().max() < SUMS


def test_packing_leaves_layers_of_other_kinds_alone() -> None:
    class Adapter(torch.nn.Linear):  # type: ignore[misc, name-defined]
        """Stands for LoRA, quantised layers and the like."""

    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(layers=1, width=32, heads=4, kv_heads=2, head_width=8, ffn_width=40, vocabulary=64))
    layer = decoder.layers[0]
    layer.q, layer.up = Adapter(32, 32, bias=False), Adapter(32, 40, bias=False)
    ids = torch.randint(64, (1, 9))
    with torch.no_grad():
        expected = LanguageModel(decoder).logits(ids)
        decoder.pack()
        assert type(layer.q) is type(layer.up) is Adapter
        assert (LanguageModel(decoder).logits(ids) - expected).abs().max() < SUMS


def test_palm_is_cohere_with_one_key_value_head() -> None:
    """Cohere has PaLM's layer (parallel, no biases, shared norm, SwiGLU, tied); its rotary pairs are neighbours."""
    transformers = pytest.importorskip("transformers")
    from agent.vlm.convert.weights import load_decoder

    c = presets.palm(layers=3, width=32, heads=4)
    c = DecoderConfig(**{**vars(c), "head_width": 12, "vocabulary": 96})
    config = transformers.CohereConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1, head_dim=12,
        intermediate_size=128, vocab_size=96, layer_norm_eps=c.norm_eps, logit_scale=c.logit_scale,
        rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta}, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for p in theirs.parameters():
            p.normal_(0.0, 0.6)
    weights = dict(theirs.state_dict())
    del weights["lm_head.weight"]
    for name, w in weights.items():
        if "q_proj" in name or "k_proj" in name:
            weights[name] = w.view(-1, 6, 2, 32).transpose(1, 2).reshape(w.shape)
    ids = torch.randint(96, (2, T))
    with torch.no_grad():
        found = LanguageModel(load_decoder(c, weights)).logits(ids)
        expected = theirs(ids).logits
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < SUMS


PARAMETERS = {
    "PaLM 8B": (presets.palm(), 8.63e9),
    "PaLM 62B": (presets.palm(64, 8192, 32), 62.50e9),
    "PaLM 540B": (presets.palm(118, 18432, 48), 540.35e9),
    "Gemma 2B": (presets.gemma_2b(), 2_506_172_416),
    "Gemma 7B": (presets.gemma_7b(), 8_537_680_896),
    "Gemma 2 2B": (presets.gemma2_2b(), 2_614_341_888),
    "Gemma 2 9B": (presets.gemma2_9b(), 9_241_705_984),
    "Gemma 2 27B": (presets.gemma2_27b(), 27_227_128_320),
    "Gemma 3 1B": (presets.gemma3_1b(), 999_885_952),
    "Gemma 3 4B": (presets.gemma3_4b(), 3_880_263_168),
    "SmolLM2 135M": (presets.smollm2_135m(), 134_515_008),
    "Llama 3.2 1B": (presets.llama32_1b(), 1_235_814_400),
    "Mixtral 8x7B": (presets.mixtral_8x7b(), 46_702_792_704),
}
"""As published; PaLM's to the digits of its table 1."""


@pytest.mark.parametrize("name", PARAMETERS)
def test_presets_have_the_published_number_of_parameters(name: str) -> None:
    config, published = PARAMETERS[name]
    with torch.device("meta"):
        count = sum(p.numel() for p in Decoder(config).parameters())
    assert count == published if isinstance(published, int) else abs(count / published - 1) < 5e-4


def test_configurations_survive_json() -> None:
    for config in [presets.switch(), *(config for config, _ in PARAMETERS.values())]:
        assert DecoderConfig.from_json(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize("name", ["llama", "gemma2", "gemma3_text", "mixtral"])
def test_sharded_folders_are_the_same(name: str, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    theirs = foreign(name)
    whole = load_pretrained(save_foreign(theirs, tmp_path / "whole"))
    folder = save_foreign(theirs, tmp_path / "parts", max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    for (key, a), b in zip(whole.state_dict().items(), load_pretrained(folder).state_dict().values(), strict=True):
        assert torch.equal(a, b), key


def test_the_loss_is_that_of_all_logits() -> None:
    """Of unlike lengths, and with labels at some places alone."""
    torch.manual_seed(0)
    c = DecoderConfig(layers=1, width=32, heads=4, kv_heads=2, head_width=8, ffn_width=40, vocabulary=64)
    model = LanguageModel(Decoder(c))
    ids = torch.randint(0, 64, (2, 7))
    seen = torch.tensor([[1] * 7, [1] * 4 + [0] * 3]).bool()
    labels = torch.where(torch.rand(2, 7) < 0.5, ids.roll(-1, 1), NO_LABEL).masked_fill(~seen, NO_LABEL)
    expected = torch.nn.functional.cross_entropy(model.logits(ids, seen).flatten(0, 1), labels.flatten())
    assert float(model.loss(ids, labels, seen).detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
