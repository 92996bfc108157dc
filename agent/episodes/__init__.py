"""Episodes on disk: what was seen, felt, planned and done. LeRobot datasets, written crash-safe, read lazily."""

from agent.episodes.check import Problem, validate
from agent.episodes.layout import Camera, Layout
from agent.episodes.reader import EpisodeReader
from agent.episodes.records import Episode, Facts, Frame, Language, Question, Step, StepState, Window
from agent.episodes.take import Take
from agent.episodes.writer import EpisodeWriter

__all__ = [
    "Camera", "Episode", "EpisodeReader", "EpisodeWriter", "Facts", "Frame", "Language", "Layout", "Problem",
    "Question", "Step", "StepState", "Take", "Window", "validate",
]  # fmt: skip
