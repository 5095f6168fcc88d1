"""Password hashes (argon2id) and what counts as a good password."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from api.errors import Problem

MIN_LENGTH = 8
_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Returns the argon2id hash of ``password``; raises ``Problem`` (422) when it is too short."""
    if len(password) < MIN_LENGTH:
        raise Problem(422, f"密码至少 {MIN_LENGTH} 位")
    return _hasher.hash(password)


@lru_cache
def decoy_hash() -> str:
    """Returns a hash to check against when the account does not exist, so that both answers take the same time."""
    return _hasher.hash("nobody has this password")


def password_matches(password_hash: str, password: str) -> bool:
    """Tells whether ``password`` made ``password_hash``."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
