"""Imports pybullet without its greeting, which it prints past Python to file descriptor 2."""

from __future__ import annotations

import os


def _import_quietly() -> None:
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        import pybullet  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


_import_quietly()
