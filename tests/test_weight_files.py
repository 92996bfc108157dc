"""Weights of others: whatever the bytes of a file are, it loads or is one line: no crash, no hang, no big memory."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from safetensors import torch as safetensors_torch  # noqa: E402

from agent.vlm.checkpoint import load_checkpoint  # noqa: E402
from agent.vlm.files import HEADER_MOST, CheckpointError, load_tensors, read_header  # noqa: E402
from agent.vlm.files.gguf_file import read_gguf  # noqa: E402
from tests.tiny_gguf import F32, gguf_bytes, llama_fields, llama_tensors, text, value  # noqa: E402

FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MEMORY_MOST = 4 << 20
"""For files of a few kilobytes."""


def safetensors_bytes(header: Any, data: bytes = b"") -> bytes:
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + data


def entry(dtype: Any = "F32", shape: Any = (2,), begin: Any = 0, end: Any = 8) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def whole_safetensors() -> bytes:
    header = {
        "__metadata__": {"format": "pt"}, "a": entry("F32", [2, 3], 0, 24), "b": entry("BF16", [3], 24, 30),
        "none": entry("I64", [0], 30, 30), "c": entry("BOOL", [2], 30, 32),
    }  # fmt: skip
    return safetensors_bytes(header, bytes(range(30)) + b"\0\1")


def whole_gguf() -> bytes:
    return gguf_bytes(llama_fields(), llama_tensors(), quantised=True)


def clean(load: Any, path: Path, content: bytes) -> Any:
    """What load gives, or the error, which is one line; little memory and time are used."""
    path.write_bytes(content)
    tracemalloc.start()
    start = time.process_time()
    try:
        return load(path)
    except CheckpointError as error:
        said = str(error)
        assert "\n" not in said
        assert str(path) in said
        assert len(said) < len(str(path)) + 400
        return error
    finally:
        assert time.process_time() - start < 5.0
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MOST
        tracemalloc.stop()


def load_gguf(path: Path) -> dict[str, np.ndarray]:
    opened = read_gguf(path)
    return {name: opened.tensor(name) for name in opened.entries}


def test_whole_files_load(tmp_path: Path) -> None:
    loaded = clean(load_tensors, tmp_path / "a", whole_safetensors())
    assert {k: list(v.shape) for k, v in loaded.items()} == {"a": [2, 3], "b": [3], "none": [0], "c": [2]}
    assert loaded["a"].numpy().tobytes() == bytes(range(24))
    assert loaded["c"].tolist() == [False, True]
    assert read_header(tmp_path / "a").metadata == {"format": "pt"}
    truth = llama_tensors()
    (tmp_path / "b").write_bytes(gguf_bytes(llama_fields(), truth))
    assert all(np.array_equal(v, truth[k]) for k, v in load_gguf(tmp_path / "b").items())
    quantised = clean(load_gguf, tmp_path / "c", whole_gguf())
    assert quantised.keys() == truth.keys()
    assert all(np.abs(v - truth[k]).max() < 0.01 and v.shape == truth[k].shape for k, v in quantised.items())


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_header_as_long_as_a_pickle_begins_is_none(tmp_path: Path, length: int) -> None:
    header = json.dumps({"a": entry()}).encode().ljust(length)
    loaded = clean(load_tensors, tmp_path / "x", safetensors_bytes(header, bytes(8)))
    assert list(loaded) == ["a"]


def test_gguf_is_read_as_its_own_library_reads_it(tmp_path: Path) -> None:
    import gguf

    path = tmp_path / "a.gguf"
    path.write_bytes(whole_gguf())
    theirs, ours = gguf.GGUFReader(str(path)), read_gguf(path)
    assert {k: f.contents() for k, f in theirs.fields.items() if not k.startswith("GGUF.")} == ours.fields
    for t in theirs.tensors:
        assert np.array_equal(gguf.quants.dequantize(t.data, t.tensor_type), ours.tensor(t.name)), t.name


TENSORS = st.tuples(
    st.sampled_from(
        [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float64]
    ),
    st.lists(st.integers(0, 4), max_size=4),
)


@FUZZ
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), TENSORS, max_size=12),
    st.dictionaries(st.text(max_size=9), st.text(max_size=200), max_size=4),
)
def test_whatever_is_written_loads_again(tmp_path: Path, rows: dict[str, Any], notes: dict[str, str]) -> None:
    rows.pop("__metadata__", None)
    written = {name: torch.randint(0, 2, size).to(dtype) for name, (dtype, size) in rows.items()}
    safetensors_torch.save_file(written, str(tmp_path / "x"), metadata=notes or None)
    loaded = load_tensors(tmp_path / "x")
    assert loaded.keys() == written.keys()
    assert all(loaded[n].dtype == v.dtype and torch.equal(loaded[n], v) for n, v in written.items())
    assert dict(read_header(tmp_path / "x").metadata) == notes


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_are_no_crash(tmp_path: Path, content: bytes) -> None:
    for load in (load_tensors, load_gguf):
        assert isinstance(clean(load, tmp_path / "x", content), (CheckpointError, dict))


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), st.integers(0, 10_000) | st.none())
@pytest.mark.parametrize(("load", "whole"), [(load_tensors, whole_safetensors()), (load_gguf, whole_gguf())])
def test_a_few_wrong_bytes_or_a_cut_are_no_crash(
    tmp_path: Path, load: Any, whole: bytes, changes: list[tuple[int, int]], cut: int | None
) -> None:
    content = bytearray(whole)
    for at, byte in changes:
        content[at % min(len(whole), 2000)] = byte
    done = clean(load, tmp_path / "x", bytes(content[: None if cut is None else cut % len(whole)]))
    if cut is not None:
        assert isinstance(done, CheckpointError), "a file that is cut off never loads"


SIZES = st.sampled_from([0, 1, 2, 8, 32, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
HOSTILE = st.recursive(
    st.none() | st.booleans() | SIZES | st.floats() | st.text(max_size=4) | st.sampled_from(["F32", "F99", "dtype"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "a", "b"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@FUZZ
@given(st.dictionaries(st.text(max_size=3) | st.just("__metadata__"), HOSTILE, max_size=4), st.binary(max_size=16))
def test_any_json_is_no_crash(tmp_path: Path, header: dict[str, Any], data: bytes) -> None:
    done = clean(load_tensors, tmp_path / "x", safetensors_bytes(header, data))
    assert isinstance(done, (CheckpointError, dict))


@FUZZ
@given(
    st.lists(st.tuples(st.sampled_from(["F32", "F16", "U8", "F8_E4M3"]), st.lists(SIZES, max_size=10), SIZES, SIZES))
)
def test_hostile_sizes_are_no_crash(tmp_path: Path, rows: list[tuple[str, list[int], int, int]]) -> None:
    header = {f"t{i}": entry(*row) for i, row in enumerate(rows)}
    done = clean(load_tensors, tmp_path / "x", safetensors_bytes(header, bytes(32)))
    assert isinstance(done, CheckpointError) or sum(t.nbytes for t in done.values()) == 32, "more than the file has"


@FUZZ
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.lists(SIZES, max_size=5), st.integers(0, 45), SIZES), max_size=3),
    SIZES, SIZES, st.sampled_from([0, 2, 3, 2**16, 2**24 * 3]),
)  # fmt: skip
def test_hostile_gguf_sizes_are_no_crash(
    tmp_path: Path, rows: list[tuple[str, list[int], int, int]], tensors: int, fields: int, version: int
) -> None:
    table = b"".join(
        text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)
        for name, sizes, kind, offset in rows
    )
    for counts in ((len(rows), 0), (tensors, fields)):
        content = b"GGUF" + struct.pack("<IQQ", version, *counts) + table
        done = clean(load_gguf, tmp_path / "x", content + bytes(-len(content) % 32 + 64))
        assert isinstance(done, (CheckpointError, dict))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "0 bytes"),
        (b"\x80\x02}q\x00X\x01\x00\x00\x00", "pickle"),
        (b"PK\x03\x04 torch.save", "pickle"),
        (struct.pack("<Q", 2**63) + b"{}", str(2**63)),
        (struct.pack("<Q", HEADER_MOST + 1) + b"{}", str(HEADER_MOST)),
        (struct.pack("<Q", 50) + b"{}", "ends at byte 58, the file at 10"),
        (safetensors_bytes(b"[1]"), "no safetensors header"),
        (safetensors_bytes(b"{" * 2000), "no JSON"),
        (safetensors_bytes(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"), "no JSON"),
        (safetensors_bytes(b'{"a":' + b"9" * 100_000 + b"}"), "100000 digits"),
        (safetensors_bytes(b'{"a":{},"a":{}}'), "'a' twice"),
        (safetensors_bytes({"a": entry("F33")}, bytes(8)), "'F33'; known are F64"),
        (safetensors_bytes({"a": entry(shape=[3])}, bytes(8)), r"F32\[3\], needs 12 bytes and has 8"),
        (safetensors_bytes({"a": entry(shape=[-2])}, bytes(8)), r"'a' has shape \[-2\]"),
        (safetensors_bytes({"a": entry(shape=[2.0])}, bytes(8)), r"'a' has shape \[2\.0\]"),
        (safetensors_bytes({"a": entry(shape=[True, 2])}, bytes(8)), "'a' has shape"),
        (safetensors_bytes({"a": entry(shape=[1] * 9, end=4)}, bytes(8)), "up to 8 sizes"),
        (safetensors_bytes({"a": entry(begin=8, end=0)}, bytes(8)), "data_offsets"),
        (safetensors_bytes({"a": entry(shape=[2**62, 2**62])}, bytes(8)), "needs"),
        (safetensors_bytes({"a": entry(), "b": entry(begin=4, end=12)}, bytes(12)), "'b' overlaps 'a'"),
        (safetensors_bytes({"a": entry(begin=4, end=12)}, bytes(12)), "4 bytes before 'a'"),
        (safetensors_bytes({"a": entry()}, bytes(12)), "4 bytes after"),
        (safetensors_bytes({"a": entry()}, bytes(7)), "cut off: the tensor 'a'"),
        (safetensors_bytes({"a" * 600: entry()}, bytes(8)), "600 characters"),
        (safetensors_bytes({"a": {**entry(), "more": 1}}, bytes(8)), "these alone"),
        (safetensors_bytes({"__metadata__": {"a": 1}}), "__metadata__"),
        (safetensors_bytes({"a\n\x1b[31m": entry("F33")}, bytes(8)), r"'a\\n\\x1b\[31m'"),
    ],
)
def test_a_hostile_safetensors_file_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    error = clean(load_tensors, tmp_path / "x.safetensors", content)
    assert isinstance(error, CheckpointError)
    with pytest.raises(CheckpointError, match=named):
        raise error


def tensor_row(
    name: str = "a", sizes: tuple[int, ...] = (32,), kind: int = F32, offset: int = 0, dims: int = 0
) -> bytes:
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", dims or len(sizes), *sizes, kind, offset)


def gguf_of(*rows: bytes, fields: bytes = b"", counts: tuple[int, int] | None = None, data: int = 256) -> bytes:
    tensors, keys = counts or (len(rows), int(bool(fields)))
    head = b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + fields + b"".join(rows)
    return head + bytes(-len(head) % 32) + bytes(data)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "the magic needs 4 bytes, 0 are left"),
        (b"GGML" + bytes(100), "no GGUF file"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(100), "version 50331648"),
        (gguf_of(counts=(2**40, 0)), f"number of tensors is {2**40}"),
        (gguf_of(counts=(0, 2**40)), f"number of fields is {2**40}"),
        (gguf_of(counts=(60000, 0)), "60000, the file ends before"),
        (gguf_of(fields=struct.pack("<Q", 2**62) + bytes(50)), "a field's name has"),
        (gguf_of(fields=text("k") + struct.pack("<IQ", 8, 2**62)), f"the field 'k' needs {2**62} bytes"),
        (gguf_of(fields=text("k") + struct.pack("<IIQ", 9, 8, 2**62)), f"the length of the field 'k' is {2**62}"),
        (gguf_of(fields=text("k") + struct.pack("<IIQ", 9, 0, 100_000)), "the file ends before"),
        (gguf_of(fields=text("k") + struct.pack("<IIQ", 9, 9, 1)), "type 9"),
        (gguf_of(fields=text("k") + struct.pack("<I", 77)), "type 77"),
        (gguf_of(fields=text("k") + struct.pack("<IQ", 8, 2) + b"\xff\xfe"), "no UTF-8"),
        (gguf_of(fields=text("k") + value(4, 1) + text("k") + value(4, 1), counts=(0, 2)), "'k' twice"),
        (gguf_of(fields=text("general.alignment") + value(4, 12)), "general.alignment is 12"),
        (gguf_of(fields=text("general.alignment") + value(8, "32")), "general.alignment is '32'"),
        (gguf_of(tensor_row(dims=9)), "9 dimensions"),
        (gguf_of(tensor_row(kind=4)), "type 4"),
        (gguf_of(tensor_row(kind=3, sizes=(33,))), "blocks of 32"),
        (gguf_of(tensor_row(sizes=(0,))), "sizes"),
        (gguf_of(tensor_row(sizes=(2**63, 2**63))), "cut off: the tensor 'a'"),
        (gguf_of(tensor_row(offset=2**63)), "cut off: the tensor 'a'"),
        (gguf_of(tensor_row(offset=8)), "begins at 8"),
        (gguf_of(tensor_row(), tensor_row()), "'a' twice"),
        (gguf_of(tensor_row(), tensor_row("b", offset=64)), "'b' overlaps 'a'"),
    ],
)
def test_a_hostile_gguf_file_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    error = clean(load_gguf, tmp_path / "x.gguf", content)
    assert isinstance(error, CheckpointError)
    with pytest.raises(CheckpointError, match=named):
        raise error


def test_a_type_that_cannot_be_dequantised_is_named(tmp_path: Path) -> None:
    error = clean(load_gguf, tmp_path / "x.gguf", gguf_of(tensor_row(kind=24)))  # int8
    assert isinstance(error, CheckpointError)
    assert "I8" in str(error)


def test_a_checkpoint_with_a_hostile_file_is_one_line(tmp_path: Path) -> None:
    from tests.tiny import tiny_tokenizer
    from tests.tiny_model import tiny_config

    (tmp_path / "config.json").write_text(json.dumps(tiny_config().to_json()))
    (tmp_path / "tokenizer.json").write_text(tiny_tokenizer().to_str())
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes({"a": entry("F33")}, bytes(8)))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: the tensor 'a' has dtype 'F33'"):
        load_checkpoint(tmp_path)


def test_no_pickle_can_be_read() -> None:
    """Nothing of the agent calls what unpickles."""
    for path in (Path(__file__).parent.parent / "agent").rglob("*.py"):
        source = path.read_text()
        assert not any(
            word in source for word in ("torch.load(", "pickle.load", "import pickle", "allow_pickle=True")
        ), path
