"""What a hand can do, over any Robot: pick, place, push, look."""

from robots.primitives.base import Body, Grasp, Outcome, Target
from robots.primitives.look import look
from robots.primitives.pick import pick
from robots.primitives.place import place
from robots.primitives.push import can_push, push
from robots.relations import Relation, Side

__all__ = ["Body", "Grasp", "Outcome", "Relation", "Side", "Target", "can_push", "look", "pick", "place", "push"]
