"""What ships says nothing of the machine that it was made on."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.onboard.exporting.graphs import without_traces

NANO = Path(__file__).parents[1] / "agent" / "checkpoints" / "nano"


@pytest.mark.parametrize("name", ["vision.onnx", "decoder.onnx"])
def test_shipped_graphs_name_no_file_of_the_exporters(name: str) -> None:
    content = (NANO / name).read_bytes()
    assert b'.py", line' not in content
    assert b"stack_trace" not in content


def test_traces_are_taken_out(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(NANO / "vision.onnx"))
    note = model.graph.node[0].metadata_props.add()
    note.key, note.value = "stack_trace", "File somewhere.py, line 1"
    path = tmp_path / "graph.onnx"
    onnx.save(model, str(path))
    assert b"somewhere.py" in path.read_bytes()
    without_traces(path)
    assert b"somewhere.py" not in path.read_bytes()
    assert len(onnx.load(str(path)).graph.node) == len(model.graph.node)
