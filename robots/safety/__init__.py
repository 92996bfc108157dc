"""The safety kernel: between every command and every robot, independent of any model."""

from robots.safety.config import STANDARD, SafetyConfig
from robots.safety.kernel import SafeRobot
from robots.safety.reasons import FAULTS, Reason, SafetyStop, Veto
from robots.safety.watch import watching

__all__ = ["FAULTS", "STANDARD", "Reason", "SafeRobot", "SafetyConfig", "SafetyStop", "Veto", "watching"]
