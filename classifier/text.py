"""One normal form of what people type: every reader of text (model, rules, place resolver) starts here."""

import re
import unicodedata
from functools import lru_cache

from opencc import OpenCC

_SPACES = re.compile(r"[\s\u3000\u200b-\u200f\u2028-\u202f\ufeff]+")
_REPEATS = re.compile(r"([^\w\s])\1{2,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_SYLLABLE = (
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|uo|ui|ue|er|[aoeiuv])"
)
_PINYIN_WORD = re.compile(rf"(?:{_SYLLABLE})+")
_PINYIN_LETTERS = 6


@lru_cache(maxsize=1)
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")


def simplify(text: str) -> str:
    """Returns ``text`` in simplified script, otherwise as it was typed."""
    return str(_to_simplified().convert(text))


def normalise(text: str) -> str:
    """Returns ``text`` in NFKC, simplified script, without control characters and with runs of space folded to one.

    Three or more of one punctuation mark become two, so that shouting keeps its tone and loses its length.
    """
    text = unicodedata.normalize("NFKC", _CONTROL.sub("", text))
    if _HAN.search(text):
        text = _to_simplified().convert(text)
    return _REPEATS.sub(r"\1\1", _SPACES.sub(" ", text)).strip()


def is_traditional(text: str) -> bool:
    """Tells whether ``text`` is written in traditional script: at least two characters, and a tenth, change."""
    plain = unicodedata.normalize("NFKC", text)
    changed: int = sum(a != b for a, b in zip(plain, _to_simplified().convert(plain), strict=False))
    return changed >= 2 and changed * 10 >= len(_HAN.findall(plain))


def has_words(text: str) -> bool:
    """Tells whether ``text`` holds a letter, digit or Han character: emoji and punctuation alone say nothing."""
    return any(unicodedata.category(char)[0] in "LN" for char in text)


def is_pinyin(text: str) -> bool:
    """Tells whether ``text`` is Chinese sounded out in Latin letters (``xiao qu ting shui le``), with no Han character.

    Short Latin words that could be pinyin by chance (``hi``, ``ok``, ``test``) are not.
    """
    words = re.findall(r"[a-z]+", text.lower())
    letters = sum(map(len, words))
    if _HAN.search(text) or letters < _PINYIN_LETTERS * (1 if len(words) > 1 else 2):
        return False
    return all(_PINYIN_WORD.fullmatch(word) for word in words)
