"""What a robot that drives can do in rooms, over any Robot with a base: one function a verb."""

from robots.mobile.doors import close, open_, pull
from robots.mobile.hand_over import hand_over
from robots.mobile.look import look
from robots.mobile.navigate import navigate_to
from robots.mobile.pick import pick
from robots.mobile.place import place
from robots.mobile.pour import pour
from robots.mobile.press import press
from robots.mobile.push import push
from robots.mobile.sites import under_cover
from robots.mobile.wipe import wipe

__all__ = [
    "close", "hand_over", "look", "navigate_to", "open_", "pick", "place", "pour", "press", "pull", "push",
    "under_cover", "wipe",
]  # fmt: skip
