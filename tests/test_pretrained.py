"""Folders that are torn, foreign or hostile: one line that names what is wrong. And tokenizers, SmolLM2, the hub."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

from agent.vlm import load_pretrained  # noqa: E402
from agent.vlm.checkpoint import CheckpointError  # noqa: E402
from agent.vlm.convert.configs import decoder_config  # noqa: E402
from agent.vlm.convert.weights import source_names  # noqa: E402
from agent.vlm.decoder import Decoder, presets  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402

CONFIG = {
    "model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "hidden_act": "silu",
    "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 350, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "rope_theta": 1e4, "eos_token_id": [0, 2],
}  # fmt: skip
WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny Llama as its authors would publish it."""
    torch.manual_seed(0)
    c = decoder_config(CONFIG)
    state = Decoder(c).state_dict()
    save_file({theirs: state[ours].clone() for ours, (theirs,) in source_names(c).items()}, tmp_path / WEIGHTS)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    tiny_tokenizer().save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def refusal(folder: Path) -> str:
    """The one line that loading the folder gives."""
    with pytest.raises(CheckpointError) as caught:
        load_pretrained(folder)
    line = str(caught.value)
    assert "\n" not in line
    return line


def change(folder: Path, **tensors) -> None:
    """Replace tensors (dots as __); None takes one away."""
    held = load_file(folder / WEIGHTS)
    for name, value in tensors.items():
        name = name.replace("__", ".")
        if value is None:
            del held[name]
        else:
            held[name] = value
    save_file(held, folder / WEIGHTS)


def test_a_whole_folder_loads_with_its_tokenizer_and_stop_tokens(folder: Path) -> None:
    model = load_pretrained(folder)
    assert model.stop == (0, 2)
    assert model.words is not None
    assert model.words.text(model.words.ids(" put the red block")) == " put the red block"
    assert load_pretrained(str(folder), dtype=torch.bfloat16).decoder.embed.weight.dtype == torch.bfloat16


UP = "model__layers__1__mlp__up_proj__weight"


def test_tensors_that_do_not_fit(folder: Path) -> None:
    change(folder, **{UP: torch.zeros(24, 15)})
    assert refusal(folder) == "the tensor model.layers.1.mlp.up_proj.weight is [24, 15], this model has [24, 16]"
    change(folder, **{UP: torch.zeros(24, 16, dtype=torch.int32)})
    assert "model.layers.1.mlp.up_proj.weight is torch.int32" in refusal(folder)
    change(folder, **{UP: None})
    assert refusal(folder) == "the weights lack the tensor model.layers.1.mlp.up_proj.weight"
    change(folder, **{UP: torch.zeros(24, 16), "model__layers__1__self_attn__q_proj__bias": torch.zeros(16)})
    assert "a tensor model.layers.1.self_attn.q_proj.bias that" in refusal(folder)


def test_a_second_head_is_taken_only_where_it_is_the_same(folder: Path) -> None:
    embed = load_file(folder / WEIGHTS)["model.embed_tokens.weight"]
    change(folder, lm_head__weight=embed.clone(), model__layers__0__self_attn__rotary_emb__inv_freq=torch.zeros(4))
    load_pretrained(folder)
    change(folder, lm_head__weight=embed + 1)
    assert "a tensor lm_head.weight that" in refusal(folder)


def test_torn_and_hostile_files(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    header = json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])
    last = max((k for k in header if k != "__metadata__"), key=lambda k: header[k]["data_offsets"][1])
    (folder / WEIGHTS).write_bytes(whole[:-5])
    assert f"is cut off: the tensor {last!r} ends at byte" in refusal(folder)
    (folder / WEIGHTS).write_bytes(b"\xff" * 20)  # tests/test_weight_files.py has the others
    assert "more than 8388608" in refusal(folder)
    text = json.dumps({"model.norm.weight": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}).encode()
    (folder / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + b"0000")
    assert "the tensor 'model.norm.weight', F32[9], needs 36 bytes and has 4" in refusal(folder)


def test_pickles_are_not_read(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    assert "pytorch_model.bin is a pickle, and those are never read" in refusal(folder)


def test_an_index_that_does_not_fit(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "part.safetensors")
    index = folder / "model.safetensors.index.json"

    def with_map(where: object) -> str:
        index.write_text(json.dumps({"weight_map": where}))
        return refusal(folder)

    assert "names 'other.safetensors', which is not there" in with_map({"a": "other.safetensors"})
    assert "names '../part.safetensors', which is not there" in with_map({"a": "../part.safetensors"})
    assert "has the tensor 'a' in 'part.safetensors', where it is not" in with_map({"a": "part.safetensors"})
    assert "has no weight_map" in with_map([])
    index.write_text("nonsense")
    assert "is no JSON" in refusal(folder)


@pytest.mark.parametrize(("changes", "line"), [
    ({"model_type": "bert"}, "model_type 'bert' is not one of: llama, mixtral, gemma, gemma2, gemma3_text"),
    ({"model_type": ["llama"]}, "model_type ['llama'] is not one of"),
    ({"attention_bias": True}, "attention_bias is True, which this decoder does not have"),
    ({"hidden_act": "gelu"}, "the activation 'gelu' is not one that a llama model has"),
    ({"hidden_size": None}, "hidden_size is None, not a positive whole number"),
    ({"num_hidden_layers": -1}, "num_hidden_layers is -1"),
    ({"num_hidden_layers": 10**9}, "1000000000 layers are told, but the weights have only 20 tensors"),
    ({"rope_scaling": {"rope_type": "longrope", "factor": 2}}, "rope_type 'longrope' is not one of"),
    ({"rope_scaling": {"rope_type": "linear"}}, "config.json of a llama model can't be read"),
    ({"rope_parameters": {"rope_type": "yarn", "factor": 2, "mscale": 2.0}}, "rope mscale 2.0 is not"),
    ({"num_key_value_heads": 3}, "2 heads can't share 3 key-value heads"),
    ({"rms_norm_eps": "small"}, "config.json of a llama model can't be read"),
    ({"model_type": "gemma2", "hidden_act": None, "layer_types": ["full_attention"]}, "layer_types must be 2 of"),
])  # fmt: skip
def test_configurations_that_can_not_be_expressed(folder: Path, changes, line: str) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    assert line in refusal(folder)


def test_what_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nowhere is no folder here, and neither" in refusal(Path("nowhere"))
    assert "../x is no folder here, and neither" in refusal(Path("../x"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "some/model is no folder here; for the hub: pip install huggingface_hub" in refusal(Path("some/model"))
    (folder / "config.json").unlink()
    assert "has no config.json" in refusal(folder)


def test_the_hub_is_asked_for_what_is_read_and_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    asked = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        if name == "no/net":
            raise OSError("\n\n  offline\nmore")
        return str(folder)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    assert load_pretrained("some/model").config.layers == 2
    assert asked == [("some/model", ["*.json", "*.safetensors", "tokenizer.model"])]
    assert refusal(Path("no/net")) == "no/net is no folder here, and could not be had from the hub: offline"


def test_tokenizers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tokenizer.json").write_text("{}")
    assert "tokenizer.json does not load" in refusal(folder)
    (folder / "tokenizer.json").unlink()
    assert load_pretrained(folder).words is None
    (folder / "tokenizer.model").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert "pip install sentencepiece" in refusal(folder)


def test_sentencepiece_is_asked_where_it_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the package's own names: it is in none of the extras."""
    import types

    class Processor:
        def __init__(self, *, model_file: str) -> None:
            if Path(model_file).read_bytes() != b"whole":
                raise RuntimeError("INTERNAL:\ncould not parse")

        def encode(self, text: str) -> list[int]:
            return [ord(c) for c in text]

        def decode(self, ids: list[int]) -> str:
            return "".join(map(chr, ids))

    monkeypatch.setitem(sys.modules, "sentencepiece", types.SimpleNamespace(SentencePieceProcessor=Processor))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"whole")
    words = load_pretrained(folder).words
    assert words is not None
    assert words.text(words.ids("red")) == "red"
    (folder / "tokenizer.model").write_bytes(b"torn")
    assert "tokenizer.model does not load: INTERNAL: could not parse" in refusal(folder)


PUBLISHED = {
    "gemma_2b": (presets.gemma_2b(), {
        "model_type": "gemma", "hidden_act": "gelu", "hidden_activation": None, "hidden_size": 2048,
        "intermediate_size": 16384, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1,
        "head_dim": 256, "vocab_size": 256000, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "rope_scaling": None,
    }),
    "gemma2_2b": (presets.gemma2_2b(), {
        "model_type": "gemma2", "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304,
        "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
        "head_dim": 256, "vocab_size": 256000, "max_position_embeddings": 8192, "query_pre_attn_scalar": 256,
        "sliding_window": 4096, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
    }),
    "gemma3_1b": (presets.gemma3_1b(), {
        "model_type": "gemma3_text", "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
        "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4, "num_key_value_heads": 1,
        "head_dim": 256, "vocab_size": 262144, "max_position_embeddings": 32768, "query_pre_attn_scalar": 256,
        "rope_theta": 1000000, "rope_local_base_freq": 10000, "rope_scaling": None, "sliding_window": 512,
        "sliding_window_pattern": 6,
    }),
    "gemma3_4b": (presets.gemma3_4b(), {
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024,
    }),
    "llama32_1b": (presets.llama32_1b(), {
        "model_type": "llama", "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 8192,
        "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
        "vocab_size": 128256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
        "rope_theta": 500000.0, "rope_scaling": {
            "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "rope_type": "llama3",
            "original_max_position_embeddings": 8192,
        },
    }),
    "mixtral_8x7b": (presets.mixtral_8x7b(), {
        "model_type": "mixtral", "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "sliding_window": None,
        "num_local_experts": 8, "num_experts_per_tok": 2, "tie_word_embeddings": False,
    }),
}  # fmt: skip
"""The published config.json files in the way of writing of their day, without what does not bear on the numbers."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configurations_are_the_presets(name: str) -> None:
    expected, published = PUBLISHED[name]
    found = decoder_config(published)
    period = len(expected.windows)
    assert [found.window(i) for i in range(found.layers)] == [expected.window(i) for i in range(found.layers)]
    assert replace(found, windows=found.windows[:period]) == expected


def smollm2() -> Path:
    """The folder in the user cache; skips where the weights have not been fetched."""
    pytest.importorskip("gguf")
    from agent.vlm.convert.smollm2 import MEMBER, WHEEL_SHA256, pretrained_folder

    if not (Path.home() / ".cache" / "palmetto" / WHEEL_SHA256[:16] / Path(MEMBER).name).is_file():
        pytest.skip("SmolLM2 is not in the user cache")
    return pretrained_folder()


def test_smollm2_writes_what_transformers_writes() -> None:
    transformers = pytest.importorskip("transformers")
    from agent.vlm.generation.generate import generate

    folder = smollm2()
    ours = load_pretrained("smollm2-135m-instruct")
    assert ours.words is not None
    chat = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    asked = ("What is the capital of France?", "Name three colours of the rainbow and one thing in each of them.")
    prompts = [ours.words.ids(chat.format(q)) for q in asked]
    assert prompts[0][0] == 1, "<|im_start|> is one token"
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    texts = generate(ours, prompts, max_new=12)
    for prompt, written in zip(prompts, texts, strict=True):
        with torch.no_grad():
            out = theirs.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False, pad_token_id=0)
        expected = [i for i in out[0, len(prompt) :].tolist() if i not in ours.stop]
        assert list(written.ids) == expected
    assert "Paris" in ours.words.text(list(texts[0].ids))


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 2**62}, {"intermediate_size": 2**62}, {"vocab_size": 2**62}, {"num_attention_heads": 2**62},
        {"head_dim": 10**300}, {"rms_norm_eps": 10**400}, {"model_type": "x" * 100_000},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_sizes_that_no_model_has_are_one_short_line(folder: Path, change: dict[str, object]) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(CheckpointError) as caught:
        load_pretrained(folder)
    assert len(str(caught.value)) < 1200
    assert "\n" not in str(caught.value)


def test_a_name_that_no_file_can_have_is_one_short_line() -> None:
    with pytest.raises(CheckpointError) as caught:
        load_pretrained("a" * 5000)
    assert len(str(caught.value)) < 1200
