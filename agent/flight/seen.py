"""An observation as it is recorded: its hash, its state and, where they are due, its pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Observation, RobotState


def state_fields(state: RobotState) -> dict[str, Any]:
    """The numbers of a state, as JSON has them: 17 digits, so they come back to the bit. One that is none is null."""
    out: dict[str, Any] = {}
    for field in fields(state):
        value = getattr(state, field.name)
        if isinstance(value, Pose):
            value = np.concatenate([value.xyz, value.quat_xyzw])
        if isinstance(value, bool) or value is None:
            out[field.name] = value
        elif np.ndim(value) == 0:
            out[field.name] = float(value) if np.isfinite(value) else None
        else:
            out[field.name] = [float(v) if np.isfinite(v) else None for v in value]
    return out


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One observation, kept for the recorder's thread. frames: rgb uint8[H,W,3] and depth_m float32[H,W] by camera,
    none where no pictures are due: a simulated robot draws them only when they are looked at."""

    time_s: float
    state: dict[str, Any]
    frames: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.float32]]]

    @classmethod
    def of(cls, seen: Observation, *, pictures: bool) -> Sight:
        frames = {name: (f.rgb.copy(), f.depth_m.copy()) for name, f in seen.frames.items()} if pictures else {}
        return cls(time_s=seen.time_s, state=state_fields(seen.state), frames=frames)

    def fields(self) -> dict[str, Any]:
        """What its record holds: hash over clock, state and pictures, then the state itself."""
        return {"hash": self.hash(), "cameras": sorted(self.frames), "state": self.state}

    def hash(self) -> str:
        """SHA-256, in hex."""
        out = hashlib.sha256(repr((self.time_s, sorted(self.state.items()))).encode())
        for name, (rgb, depth_m) in sorted(self.frames.items()):
            out.update(repr((name, rgb.shape)).encode())
            out.update(rgb.tobytes())
            out.update(depth_m.tobytes())
        return out.hexdigest()

    def pictures(self, quality: int) -> Iterator[tuple[str, bytes]]:
        """Each camera's picture as JPEG."""
        import cv2

        for name, (rgb, _) in sorted(self.frames.items()):
            fine, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
            if fine:
                yield name, data.tobytes()
