"""nano and base as `palmetto train` begins them, at a tiny size, from a file like SmolLM2's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hydra.utils import instantiate

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from tokenizers import pre_tokenizers  # noqa: E402

from agent import config  # noqa: E402
from agent.commands.learning import train  # noqa: E402
from agent.errors import Exit, UserError  # noqa: E402
from agent.stream import SPECIALS  # noqa: E402
from agent.training import start  # noqa: E402
from agent.training.start import NewModel  # noqa: E402
from agent.vlm.checkpoint import load_checkpoint  # noqa: E402
from agent.vlm.config import DecoderConfig, VisionConfig  # noqa: E402
from agent.vlm.convert.smollm2 import read_tensors  # noqa: E402
from tests import tiny_gguf  # noqa: E402
from tests.tiny_gguf import gguf_bytes, llama_fields, llama_tensors, value  # noqa: E402
from tests.tiny_model import tiny_shards  # noqa: E402

TOKENS = [*tiny_gguf.TOKENS[:3], *sorted(pre_tokenizers.ByteLevel.alphabet()), "re", "red"]
SMALL = [
    "vlm.layers=[1,0]", "vlm.vision.image_px=64", "vlm.vision.stem=[8,8,8]", "vlm.vision.width=16",
    "vlm.vision.layers=1", "vlm.vision.heads=2", "vlm.vision.grid=4", "vlm.vision.map_grid=16",
    "vlm.vision.map_width=8",
]  # fmt: skip
SHORT = ["steps=2", "warmup=1", "decay=1", "threads=1", "bf16=false", "pictures=2"]


@pytest.fixture
def smollm2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a whole byte alphabet, in the place of SmolLM2's."""
    fields, tensors = llama_fields(), llama_tensors()
    fields["tokenizer.ggml.tokens"] = value(9, TOKENS)
    fields["tokenizer.ggml.token_type"] = value(9, [3, 3, 3, *[1] * (len(TOKENS) - 3)])
    fields["tokenizer.ggml.merges"] = value(9, ["r e", "re d"])
    rng = np.random.default_rng(0)
    tensors["token_embd.weight"] = rng.standard_normal((len(TOKENS), tiny_gguf.WIDTH)).astype(np.float32)
    path = tmp_path / "smollm2.gguf"
    path.write_bytes(gguf_bytes(fields, tensors))
    monkeypatch.setattr(start, "cached_gguf", lambda: path)
    return path


def run(out: Path, *overrides: str) -> Exit:
    """As the command line does it, from the composed options to the exit code."""
    options = config.options(config.split_raw("train", [*SMALL, *SHORT, *overrides]))
    built = instantiate({k: v for k, v in options.items() if not str(k).startswith("_")}, _convert_="all")
    record = SimpleNamespace(seed=built.pop("seed"), out=out, figures={})
    built.pop("out")
    return train(record=record, **built)


@pytest.mark.parametrize("name", ["nano", "base"])
def test_a_new_model_trains_by_the_command(smollm2: Path, tmp_path: Path, name: str) -> None:
    tiny_shards(tmp_path / "data", count=4)
    assert run(tmp_path / "out", f"vlm={name}", f"data={tmp_path / 'data'}") is Exit.DONE
    found = load_checkpoint(tmp_path / "out")
    tokens = [t for t in TOKENS if name == "base" or t in (*pre_tokenizers.ByteLevel.alphabet(), "re", "red")]
    assert found.tokenizer.get_vocab_size() == len(tokens) + len(SPECIALS)
    c = found.config.decoder
    assert (c.layers, c.width, c.heads, c.kv_heads, c.ffn_width) == (2, 32, 4, 2, 64)
    assert c.vocabulary % 64 == 0
    assert found.config.vision.map_grid == 16
    # Two short steps from where it began: its layers are the file's, in the order that was asked for.
    theirs, ours = read_tensors(smollm2), found.weights
    for layer, source in ((0, 1), (1, 0)):
        apart = ours[f"decoder.layers.{layer}.down.weight"] - theirs[f"blk.{source}.ffn_down.weight"]
        assert 0 < apart.abs().max() < 5e-3
    red = ours["decoder.embed.weight"][found.tokenizer.token_to_id("red")]
    assert (red - theirs["token_embd.weight"][TOKENS.index("red")]).abs().max() < 5e-3


def test_sizes_that_can_not_be_are_one_line(smollm2: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lack the tensor blk\.2\.attn_norm\.weight"):
        run(tmp_path / "out", "stage=speak", "vlm=base", "vlm.layers=[0,2]")
    with pytest.raises(UserError, match="3 heads cannot share a width of 16"):
        run(tmp_path / "out", "stage=speak", "vlm=base", "vlm.vision.heads=3")


def test_the_choices_are_what_the_models_are_called() -> None:
    nano, base = (
        NewModel.from_options(config.options(config.split_raw("train", [f"vlm={name}"]))["vlm"])
        for name in ("nano", "base")
    )
    assert nano.vision == VisionConfig()
    assert len(nano.layers) == DecoderConfig().layers
    assert base.layers == tuple(range(30))
    assert base.rank == 0
    assert base.vision.width > nano.vision.width
