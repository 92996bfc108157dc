"""Choices, not code: one YAML file a command, one folder a group. Python ends at `_target_`."""
