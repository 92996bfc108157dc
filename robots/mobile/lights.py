"""Whether something near by has lit up or gone out: by the hue of pixels in two pictures from one place.

Shadows and exposure make pixels brighter or darker, a light that goes on gives them another hue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.interface import Observation
from robots.mobile.sight import View

Float = NDArray[np.float64]

NEAR_M = 0.6
"""What a button switches is no farther from it."""
HUE, DARK, FEWEST = 0.04, 60.0, 14
"""A share of red, green or blue that changes by so much, where the three add up to more than the second (of 765) in one
picture, in so many pixels."""


def changed(before: Observation, was: View, after: Observation, now: View, name: str, point: Float) -> bool:
    """Whether what is around a point [3] (odom) has another hue in the second picture of the camera `name` than in the
    first; where the robot itself is in one of them, nothing is compared."""
    both = was.seen & now.seen & (np.linalg.norm(was.points - point, axis=-1) < NEAR_M)
    both &= np.linalg.norm(was.points - now.points, axis=-1) < 0.02
    first, second = (_smooth(o.frames[name].rgb * both[..., None].astype(np.float64)) for o in (before, after))
    bright = np.maximum(first.sum(axis=-1), second.sum(axis=-1)) > DARK
    hues = [one / np.maximum(one.sum(axis=-1, keepdims=True), 1.0) for one in (first, second)]
    return int((both & bright & (np.abs(hues[1] - hues[0]).max(axis=-1) > HUE)).sum()) >= FEWEST


def _smooth(picture: Float) -> Float:
    """float64[H,W,3]: the mean of each pixel and its eight neighbours, so that noise has little hue; what is black, as
    all that is not compared, has none."""
    rows, cols = picture.shape[:2]
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return np.asarray(sum(padded[i : i + rows, j : j + cols] for i in range(3) for j in range(3)) / 9.0)
