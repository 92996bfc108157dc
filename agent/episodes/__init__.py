"""Episodes on disk: what was seen, planned and done, step by step. Written crash-safe, read lazily."""

from agent.episodes.reader import EpisodeReader, Problem, validate
from agent.episodes.records import Episode, Step, StepState
from agent.episodes.writer import EpisodeWriter

__all__ = ["Episode", "EpisodeReader", "EpisodeWriter", "Problem", "Step", "StepState", "validate"]
