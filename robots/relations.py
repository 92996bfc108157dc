"""Words of place: where `place` puts a thing and where `push` brings it."""

from __future__ import annotations

from enum import Enum


class Relation(Enum):
    """Where `place` puts what is held, seen from where the camera stands."""

    IN = "in"
    ON = "on"
    LEFT_OF = "left of"
    RIGHT_OF = "right of"
    IN_FRONT_OF = "in front of"
    BEHIND = "behind"
    ASIDE = "aside"  # any free spot; names nothing
    WHERE = "where"  # "where X was": the spot X was picked up from

    @property
    def takes_target(self) -> bool:
        """False for `aside`, which stands alone."""
        return self is not Relation.ASIDE

    @property
    def takes_point(self) -> bool:
        """True where the target is a thing in the picture."""
        return self not in (Relation.ASIDE, Relation.WHERE)


class Side(Enum):
    """Where `push` may bring a thing, seen from where the camera stands."""

    LEFT = "left"
    RIGHT = "right"
    FRONT = "front"
    BACK = "back"
