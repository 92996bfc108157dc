"""Makes the README's moving picture from the film of a run.

palmetto "put the red block in the green bowl" out=outputs/readme
python docs/make_picture.py outputs/readme/episode.mp4
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import av.filter

PICTURE = Path(__file__).parent / "run.gif"
WIDTH_PX, FRAMES_PER_S, SPEED = 560, 8, 1.5


def make(film: Path, picture: Path) -> None:
    """A GIF of the film, SPEED times as fast, with a palette made for it."""
    with av.open(str(film)) as source, av.open(str(picture), "w") as target:
        video = source.streams.video[0]
        graph = av.filter.Graph()
        steps = [
            graph.add_buffer(template=video),
            graph.add("setpts", f"PTS/{SPEED}"),
            graph.add("fps", str(FRAMES_PER_S)),
            graph.add("scale", f"{WIDTH_PX}:-1:flags=lanczos"),
        ]
        split, palette, use = graph.add("split"), graph.add("palettegen", "max_colors=96"), graph.add("paletteuse")
        sink = graph.add("buffersink")
        for before, after in zip([*steps], [*steps[1:], split], strict=True):
            before.link_to(after)
        split.link_to(use, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        for frame in source.decode(video):
            graph.push(frame)
        graph.push(None)
        out = None
        while True:
            try:
                frame = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            assert isinstance(frame, av.VideoFrame)
            if out is None:
                out = target.add_stream("gif", rate=FRAMES_PER_S)
                out.width, out.height, out.pix_fmt = frame.width, frame.height, frame.format.name
            frame.pts, frame.time_base = None, Fraction(1, FRAMES_PER_S)
            target.mux(out.encode(frame))
        if out is not None:
            target.mux(out.encode())


if __name__ == "__main__":
    make(Path(sys.argv[1]), PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")
