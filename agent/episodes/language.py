"""What is said in a dataset, frame by frame: from our columns, from those of LeRobot 3.1, or from the tasks alone.

LeRobot 3.1 has two columns of lists: `language_persistent`, whose rows hold from their timestamp on until another of
their style does, and `language_events`, whose rows belong to their frame. lerobot 0.4.4 reads neither: ours are text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.episodes.layout import LANGUAGE
from agent.episodes.records import Language

PERSISTENT, EVENTS = "language_persistent", "language_events"
LASTING = {"plan": "plan", "subtask": "subtask"}
"""Style of a persistent row -> field of `Language`."""
ASKED = {"user": "question", "assistant": "answer"}
"""Role of an event row of style vqa -> field of `Language`."""


def spoken(rows: Mapping[str, Any], tasks: Sequence[str], count: int) -> tuple[Language, ...]:
    """The words of `count` frames, whose columns are `rows`."""
    said: list[dict[str, str]] = [{} for _ in range(count)]
    for key, name in LANGUAGE.items():
        for words, text in zip(said, rows.get(key, ()), strict=False):
            words[name] = str(text or "")
    for words, task in zip(said, rows.get("task_index", ()), strict=False):
        words.setdefault("instruction", tasks[int(task)])
    for i, held in enumerate(rows.get(PERSISTENT, ())):
        now = float(rows["timestamp"][i]) + 1e-6
        for row in sorted(held or (), key=lambda r: float(r["timestamp"])):
            if float(row["timestamp"]) <= now and row.get("style") in LASTING:
                said[i][LASTING[row["style"]]] = str(row.get("content") or "")
    for i, events in enumerate(rows.get(EVENTS, ())):
        for row in events or ():
            if row.get("style") == "vqa" and row.get("role") in ASKED:
                said[i][ASKED[row["role"]]] = str(row.get("content") or "")
            for call in row.get("tool_calls") or ():
                said[i].setdefault("tool_call", call if isinstance(call, str) else json.dumps(call))
    return tuple(Language(**words) for words in said)
