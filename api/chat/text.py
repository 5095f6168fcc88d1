"""What a resident typed, made safe to keep and to hand on; nothing readable is ever removed."""

import unicodedata

MAX_CHARS = 20_000
BOT_CHARS = 1_000
"""Rasa's time grows with the length and a very long text hangs it; the whole text goes into the case instead."""

_KEPT_FORMAT = {"\u200c", "\u200d"}  # joiners: they hold emoji and some scripts together
_COMMAND_SIGNS = ("/", "@")


def _keeps(char: str) -> bool:
    if char in "\n\t" or char in _KEPT_FORMAT:
        return True
    if unicodedata.category(char) in ("Cc", "Cf", "Cs"):
        # flags of England, Scotland and Wales are spelt with tag characters
        return 0xE0020 <= ord(char) <= 0xE007F
    return ord(char) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(char) <= 0xFDEF


def clean(text: str) -> str:
    r"""Drops what cannot be stored or would disguise the text: control and direction marks, NULs, lone surrogates.

    Line ends become ``\n`` and the ends are trimmed; ``clean(clean(x)) == clean(x)``, and the result encodes to UTF-8.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    if not (text.isascii() and text.isprintable()):
        text = "".join(char for char in text if _keeps(char))
    return text.strip()


def has_words(text: str) -> bool:
    """Whether anything visible is left: letters, digits, signs or emoji, not only spaces and joiners."""
    return any(unicodedata.category(char)[0] not in "ZCM" for char in text)


def for_bot(text: str) -> str:
    """Returns the first 1000 characters, without the leading signs that Rasa reads as a command.

    The signs are dropped rather than widened, since normalisation (NFKC) would narrow them again. May be empty.
    """
    start = 0
    while start < len(text) and unicodedata.normalize("NFKC", text[start]).strip() in ("", *_COMMAND_SIGNS):
        start += 1
    return text[start : start + BOT_CHARS].rstrip()
