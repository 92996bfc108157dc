"""The flight recorder: everything that a robot saw, was told and did, in a chain of hashes. No torch, no simulator."""

from agent.flight.chain import Checked, Entry, check, read
from agent.flight.recorder import FlightConfig, FlightRecorder, RecordedRobot

__all__ = ["Checked", "Entry", "FlightConfig", "FlightRecorder", "RecordedRobot", "check", "read"]
