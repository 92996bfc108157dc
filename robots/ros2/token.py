"""The secret that a sentence must bring: a file that only its owner reads, on the robot and wherever sentences come
from."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

LEAST = 16
TOKEN = Path("~/.config/palmetto/token")
"""Where it is kept, if nobody says otherwise."""


class TokenError(ValueError):
    """A token file that is none, or that others may read; the message is one line."""


def read_token(path: Path) -> str:
    """Raises TokenError: it is not there, too short, or not its owner's alone."""
    try:
        mode, token = path.stat().st_mode, path.read_text().strip()
    except (OSError, UnicodeDecodeError) as e:
        raise TokenError(f"token={path} can't be read: {e}") from e
    if mode & 0o077:
        raise TokenError(f"token={path} may be read by others: chmod 600 {path}")
    if len(token) < LEAST:
        raise TokenError(f"token={path} holds {len(token)} characters: at least {LEAST}")
    return token


def make_token(path: Path) -> str:
    """A new one, where there is none yet; else what is there."""
    if path.exists():
        return read_token(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24) + "\n")
    return read_token(path)
