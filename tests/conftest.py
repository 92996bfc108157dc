"""What all tests share: how hypothesis draws."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline and no complaint about slow draws: machines are busy. The same examples each time: a failure is no chance.
settings.register_profile(
    "palmetto", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("palmetto")
