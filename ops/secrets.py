"""The secrets of an embedded installation: made once, kept in ``DATA_DIR/secrets.env``, readable by the owner only."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

_MAKERS: dict[str, Callable[[], str]] = {
    "LAOXIAN_BOT_SECRET": lambda: secrets.token_urlsafe(32),
    "LAOXIAN_INTERNAL_SECRET": lambda: secrets.token_urlsafe(32),
    "LAOXIAN_TOKEN_SECRET": lambda: secrets.token_urlsafe(48),
    "LAOXIAN_DATA_KEYS": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),  # a Fernet key
    "LAOXIAN_REDIS_PASSWORD": lambda: secrets.token_urlsafe(24),
}


def load_secrets(data_dir: Path) -> dict[str, str]:
    """Returns the secrets; those set in the environment win, missing ones are made and kept."""
    path = data_dir / "secrets.env"
    kept = {}
    if path.exists():
        kept = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    made = {name: maker() for name, maker in _MAKERS.items() if name not in kept and not os.environ.get(name)}
    if made:
        kept |= made
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
    return {name: os.environ.get(name) or kept[name] for name in _MAKERS}
