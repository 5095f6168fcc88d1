"""Personal data at rest: encryption, the searchable index of phone numbers, masks, keyed digests."""

import hashlib
import hmac
import re
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from api.settings import get_settings

# Mobile and landline numbers in free text. Lookarounds instead of \b: there is no word boundary beside a Han character.
_NUMBER_IN_TEXT = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|1[3-9]\d[- ]\d{4}[- ]\d{4}|0\d{2,3}-?\d{7,8}|\d{17}[\dXx])(?!\d)")


@lru_cache
def _keys() -> list[str]:
    keys = [key.strip() for key in get_settings().data_keys.get_secret_value().split(",") if key.strip()]
    if not keys:
        raise ValueError("LAOXIAN_DATA_KEYS 为空：至少要有一个 Fernet 密钥")
    return keys


@lru_cache
def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _keys()])


def seal(text: str) -> str:
    """Encrypts ``text`` with the newest data key."""
    return _fernet().encrypt(text.encode()).decode()


def seal_bytes(data: bytes) -> bytes:
    """Encrypts a file with the newest data key; a third larger than ``data``."""
    return _fernet().encrypt(data)


def unseal_bytes(token: bytes) -> bytes:
    """Decrypts what ``seal_bytes`` made; raises ``ValueError`` when no key opens it or it was altered."""
    try:
        return _fernet().decrypt(token)
    except InvalidToken as error:
        raise ValueError("文件无法解密：LAOXIAN_DATA_KEYS 里缺少当时的密钥，或文件被改动") from error


def unseal(token: str) -> str:
    """Decrypts what ``seal`` made with any key of ``LAOXIAN_DATA_KEYS``.

    Raises:
        ValueError: when no key opens it.
    """
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise ValueError("数据无法解密：LAOXIAN_DATA_KEYS 里缺少当时的密钥") from error


def reseal(token: str) -> str | None:
    """Seals anew, with the newest data key, what ``seal`` or ``seal_bytes`` made; ``None`` when that key sealed it.

    Raises:
        ValueError: when no key opens it.
    """
    try:
        Fernet(_keys()[0]).decrypt(token)
        return None
    except InvalidToken:
        pass
    try:
        return _fernet().rotate(token).decode()
    except InvalidToken as error:
        raise ValueError("数据无法解密：LAOXIAN_DATA_KEYS 里缺少当时的密钥") from error


def keyed_digest(purpose: str, data: str) -> str:
    """Returns a hex HMAC-SHA256 under the newest data key, that nobody without the data keys can recompute."""
    return keyed_digests(purpose, data)[0]


def keyed_digests(purpose: str, data: str) -> list[str]:
    """Returns the digest under every data key, newest first: what was written before a newer key came is found too."""
    return [hmac.digest(_purpose_key(purpose, key), data.encode(), "sha256").hex() for key in _keys()]


@lru_cache
def _purpose_key(purpose: str, key: str) -> bytes:
    return hashlib.sha256(f"{purpose}:{key}".encode()).digest()


def phone_index(phone: str) -> str:
    """Returns the digest with which a phone number is kept; spacing and +86 do not matter."""
    return phone_indexes(phone)[0]


def phone_indexes(phone: str) -> list[str]:
    """Returns the digests by which a phone number is looked up, one for each data key."""
    digits = re.sub(r"\D", "", phone)
    return keyed_digests("phone", digits[2:] if len(digits) == 13 and digits.startswith("86") else digits)


def mask_phone(phone: str | None) -> str | None:
    """``13800000001`` becomes ``138****0001``; a shorter number keeps its last two digits."""
    if not phone:
        return None
    digits = re.sub(r"[^\dXx]", "", phone)
    if len(digits) >= 10:
        return f"{digits[:3]}{'*' * (len(digits) - 7)}{digits[-4:]}"
    return "*" * max(len(digits) - 2, 1) + digits[-2:]


def mask_name(name: str | None) -> str | None:
    """``王小明`` becomes ``王**``."""
    return name[0] + "*" * max(len(name) - 1, 1) if name else None


def mask_numbers(text: str) -> str:
    """Masks the phone and identity-card numbers in free text."""
    return _NUMBER_IN_TEXT.sub(lambda found: mask_phone(found.group()) or "", text)


def unmask_numbers(text: str, told: str) -> str:
    """Puts the numbers of ``told`` back where ``text`` holds their masks; two that look alike stay masked."""
    clear: dict[str, set[str]] = {}
    for number in _NUMBER_IN_TEXT.findall(told):
        clear.setdefault(mask_phone(number) or "", set()).add(number)
    for mask, numbers in clear.items():
        if len(numbers) == 1:
            text = text.replace(mask, min(numbers))
    return text


class EncryptedText(TypeDecorator[str]):
    """Text that is sealed on the way into the database and unsealed on the way out."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seals the value."""
        return None if value is None else seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Unseals the value."""
        return None if value is None else unseal(value)
