"""Whether the independent package `lerobot` reads our datasets with the same frames, numbers and words.

In an environment of its own (lerobot 0.4.4 wants other versions than ours), then in ours:

    python benchmarks/lerobot_reads.py read DATASET FRAMES.npz       # needs lerobot and torchvision, nothing of ours
    python benchmarks/lerobot_reads.py compare DATASET FRAMES.npz
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

COUNT = 60
"""Frames that are drawn."""
WORDS = ("language.instruction", "language.plan", "language.subtask", "language.tool_call")


class VideoReader:
    """What torchvision's `io.VideoReader` did with its backend pyav; releases from 0.26 on have none."""

    def __init__(self, path: str, _: str = "video") -> None:
        import av

        self.container = av.open(path)
        self._stream = self.container.streams.video[0]

    def seek(self, time_s: float, keyframes_only: bool = False) -> VideoReader:
        assert self._stream.time_base is not None
        self.container.seek(int(time_s / self._stream.time_base), stream=self._stream)
        return self

    def __iter__(self) -> Iterator[dict[str, Any]]:
        import torch

        for frame in self.container.decode(self._stream):
            pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
            yield {"data": pixels, "pts": frame.time}


def read(folder: Path, out: Path) -> None:
    """What lerobot makes of the frames, into `out`."""
    import torchvision

    if not hasattr(torchvision.io, "VideoReader"):
        torchvision.io.VideoReader = VideoReader
        torchvision.set_video_backend = lambda _: None
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    there = LeRobotDataset("ours/ours", root=folder, video_backend="pyav")
    drawn = np.sort(np.random.default_rng(0).choice(len(there), min(len(there), COUNT), replace=False))
    items = [there[int(i)] for i in drawn]
    camera = there.meta.video_keys[0]
    pictures = np.stack([np.round(i[camera].numpy().transpose(1, 2, 0) * 255).astype(np.uint8) for i in items])
    numbers: dict[str, Any] = {
        k: np.stack([i[k].numpy() for i in items]) for k in ("observation.state", "action", "time_s")
    }
    words = [json.dumps([i["task"], *(i[k] for k in WORDS)]) for i in items]
    numbers |= {"drawn": drawn, "pictures": pictures, "words": np.array(words), "camera": camera, "frames": len(there)}
    np.savez(out, **numbers)


def compare(folder: Path, out: Path) -> None:
    """Ends with an error where something differs by more than the rounding of colours."""
    from agent.episodes import EpisodeReader

    theirs, ours = np.load(out), EpisodeReader(folder)
    starts = np.cumsum([0, *(ours.length(i) for i in range(len(ours)))])
    assert int(theirs["frames"]) == starts[-1], "the number of frames"
    camera = str(theirs["camera"]).removeprefix("observation.images.")
    worst = 0
    for k, number in enumerate(theirs["drawn"]):
        index = int(np.searchsorted(starts, number, side="right")) - 1
        frame = ours.frame(index, int(number - starts[index]))
        assert np.array_equal(frame.state, theirs["observation.state"][k]), number
        assert np.array_equal(frame.action, theirs["action"][k]), number
        assert frame.time_s == theirs["time_s"][k], number
        said = frame.language
        wanted = [said.instruction, said.instruction, said.plan, said.subtask, said.tool_call]
        assert json.loads(str(theirs["words"][k])) == wanted, number
        worst = max(worst, int(np.abs(frame.pictures[camera].astype(int) - theirs["pictures"][k]).max()))
    assert worst <= 4, f"pictures differ by {worst} of 255"
    print(f"{len(theirs['drawn'])} frames of {starts[-1]}: numbers and words equal; pictures within {worst} of 255")


if __name__ == "__main__":
    {"read": read, "compare": compare}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
