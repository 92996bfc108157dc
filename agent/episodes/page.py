"""Episodes as one page for a browser: the video, the numbers beside it, the calls and questions. It needs no server."""

from __future__ import annotations

import base64
import html
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent.artifacts import replacing
from agent.episodes.reader import EpisodeReader
from agent.episodes.records import Facts, Language, Step
from agent.episodes.video import VideoWriter

POINTS = 1_000
"""Points of a curve at most: no screen shows more."""
LOOKS = 40
"""Pictures of looks of one episode, at most."""

_HEAD = """<!doctype html><meta charset="utf-8"><title>Episodes</title><style>
body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1100px;padding:0 1em;background:#f6f6f4;color:#222}
section{background:#fff;border:1px solid #ddd;border-radius:6px;padding:1em;margin:1em 0}
h2{margin:0;font-size:1.1em}.facts{color:#666;margin:.2em 0 .8em}.row{display:flex;gap:1em;flex-wrap:wrap}
video{width:360px;image-rendering:pixelated;background:#000}canvas{border:1px solid #eee;cursor:crosshair}
table{border-collapse:collapse;margin-top:.8em}td,th{padding:.15em .8em .15em 0;text-align:left;vertical-align:top}
tr.call{cursor:pointer}tr.now{background:#fff3c4}.ok{color:#2a7a3b}.bad{color:#b3362b}
.looks img{width:112px;margin:2px}pre{margin:0;font:12px/1.3 ui-monospace,monospace;white-space:pre-wrap}
</style>"""
_SCRIPT = """<script>
document.querySelectorAll("section").forEach(s=>{
 const d=JSON.parse(s.querySelector("script").textContent),v=s.querySelector("video"),c=s.querySelector("canvas");
 const g=c.getContext("2d"),W=c.width,H=c.height,n=d.time.length,colours=["#1f77b4","#d62728","#2ca02c","#9467bd",
 "#ff7f0e","#17becf","#8c564b","#e377c2"];
 const now=()=>v?v.currentTime:0,end=d.frames/d.fps;
 function draw(){g.clearRect(0,0,W,H);d.curves.forEach((y,k)=>{const lo=Math.min(...y),hi=Math.max(...y),r=(hi-lo)||1;
  g.strokeStyle=colours[k%8];g.beginPath();y.forEach((u,i)=>g.lineTo(i/Math.max(n-1,1)*W,H-4-(u-lo)/r*(H-8)));g.stroke()});
  g.strokeStyle="#000";const x=now()/end*W;g.beginPath();g.moveTo(x,0);g.lineTo(x,H);g.stroke();
  const i=Math.min(n-1,Math.round(now()/end*(n-1)));
  s.querySelector(".values").innerHTML=d.names.map((m,k)=>
   `<span style="color:${colours[k%8]}">${m} ${d.curves[k][i].toFixed(3)}</span>`).join("<br>");
  s.querySelectorAll("tr.call").forEach(t=>t.classList.toggle("now",now()>=+t.dataset.from&&now()<+t.dataset.to))}
 if(v){v.ontimeupdate=draw;v.onseeked=draw;
  c.onclick=e=>{v.currentTime=e.offsetX/c.clientWidth*end};
  s.querySelectorAll("tr.call").forEach(t=>t.onclick=()=>{v.currentTime=+t.dataset.from})}
 draw()});
</script>"""


def write_page(path: Path, reader: EpisodeReader, which: Sequence[int]) -> None:
    """The page of episodes `which`, one after another; no more than one is held in memory."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as f:
        f.write(_HEAD)
        f.write(f"<h1>{len(which)} episodes</h1>")
        for index in which:
            f.write(_section(reader, index))
        f.write(_SCRIPT)


def _section(reader: EpisodeReader, index: int) -> str:
    facts, (dataset, entry) = reader.facts(index), reader.entry(index)
    fps = dataset.layout.fps
    times, states, spoken = _numbers(reader, index)
    keep = np.unique(np.linspace(0, len(times) - 1, min(len(times), POINTS)).astype(int))
    content = {
        "fps": fps, "frames": entry.length, "time": times[keep].round(3).tolist(),
        "names": list(dataset.layout.state), "curves": states[keep].T.round(4).tolist(),
    }  # fmt: skip
    steps = reader.steps(index)
    rows = "".join(_rows(spoken, entry.length, fps, steps))
    embedded = json.dumps(content).replace("</", "<\\/")
    looks = "".join(_look(s) for s in steps[:LOOKS])
    return (
        f"<section><h2>{index}: {html.escape(facts.instruction)}</h2><p class=facts>{html.escape(_told(facts))}</p>"
        f"<div class=row>{_video(reader, index)}<div><canvas width=480 height=240></canvas></div>"
        f"<pre class=values></pre></div><table>{rows}</table><p class=looks>{looks}</p>"
        f'<script type="application/json">{embedded}</script></section>\n'
    )


def _numbers(reader: EpisodeReader, index: int) -> tuple[Any, Any, list[Language]]:
    times, states, spoken = [], [], list[Language]()
    length = reader.length(index)
    for start in range(0, length, 256):
        w = reader.window(index, start, min(start + 256, length), pictures=False)
        times.append(w.time_s)
        states.append(w.state)
        spoken += w.language
    return np.concatenate(times), np.concatenate(states), spoken


def _told(facts: Facts) -> str:
    said = [f"{facts.suite} {facts.task}".strip(), f"seed {facts.seed}" if facts.seed is not None else ""]
    said.append({True: "succeeded", False: "failed", None: ""}[facts.success])
    said += [f"goal {facts.goal}" if facts.goal else "", f"planner {facts.planner}" if facts.planner else ""]
    return " · ".join(s for s in [*said, facts.robot] if s)


def _rows(spoken: Sequence[Language], length: int, fps: float, steps: Sequence[Step]) -> Iterator[str]:
    """A row for each stretch of frames with one call, and for each question."""
    results = {s.call: s for s in steps}
    start = 0
    for i in range(1, length + 1):
        if spoken[start].question and (i == length or spoken[i].question != spoken[start].question):
            words = spoken[start]
            yield f"<tr><td>{start / fps:.1f} s<td><b>{html.escape(words.question)}</b><td>{html.escape(words.answer)}"
        ended = i == length or spoken[i].subtask != spoken[start].subtask or bool(spoken[i].tool_call)
        if not ended and not (i < length and spoken[i].question):
            continue
        words = spoken[start]
        if words.subtask:
            step = results.get(words.subtask)
            outcome = f"{step.status.value} {step.detail}" if step is not None and step.status is not None else ""
            fine = "ok" if outcome.startswith("succeeded") else "bad"
            yield (
                f'<tr class=call data-from="{start / fps:.3f}" data-to="{i / fps:.3f}"><td>{start / fps:.1f} s<td>'
                f"<pre>{html.escape(words.subtask)}</pre><td class={fine}>{html.escape(outcome)}"
            )
        start = i


def _look(step: Step) -> str:
    return f'<img title="{html.escape(step.plan)}" src="data:image/jpeg;base64,{_jpeg(step.rgb)}">'


def _jpeg(rgb: Any) -> str:
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return base64.b64encode(data.tobytes()).decode()


def _video(reader: EpisodeReader, index: int) -> str:
    dataset, entry = reader.entry(index)
    shown = []
    for camera in dataset.layout.cameras:
        own = entry.videos.get(camera.key) if entry.files else None
        data = own[0].read_bytes() if own is not None else _cut(reader, index, camera.name)
        shown.append(
            f'<video controls muted playsinline title="{html.escape(camera.name)}" '
            f'src="data:video/mp4;base64,{base64.b64encode(data).decode()}"></video>'
        )
    return "".join(shown)


def _cut(reader: EpisodeReader, index: int, camera: str) -> bytes:
    """The episode's part of a longer film, or its pictures, as a film of its own."""
    layout = reader.entry(index)[0].layout
    size = next((c.height, c.width) for c in layout.cameras if c.name == camera)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        film = VideoWriter(path, layout.fps, *size)
        for frame in reader.frames(index):
            film.add(frame.pictures[camera])
        film.close()
        return path.read_bytes()
