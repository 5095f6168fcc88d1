"""From lines of the transcript to what 微信 can show, and from a digit back to the choice it means."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from api.chat.models import STAFF
from api.wechat.lines import wechat_lines

MAX_BYTES = 2048
"""What one text message may hold, in UTF-8."""

_DIGITS = re.compile(r"\s*(\d{1,2})\s*[.、。]?\s*")
_LEADING = re.compile(r"(\d{1,2})\D")


def compose(lines: Sequence[dict[str, Any]]) -> str:
    """Returns the lines of one answer as one text, their quick replies as a numbered list.

    Args:
        lines: as ``api.chat.store.view`` shows them: ``author``, ``text``, ``quick_replies``.
    """
    parts = [f"{wechat_lines().staff}{line['text']}" if line["author"] == STAFF else line["text"] for line in lines]
    numbered = choices([reply for line in lines for reply in line["quick_replies"]])
    if numbered:
        parts.append("\n".join([wechat_lines().choices, *(_entry(key, one) for key, one in numbered.items())]))
    return "\n\n".join(parts)


def _entry(key: str, reply: dict[str, str]) -> str:
    return reply["title"] if reply["title"].startswith(key) else f"{key}. {reply['title']}"


def choices(replies: Sequence[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Returns the quick replies by the number that picks each: the number in its name (5 星) or its place."""
    own = [found[1] if (found := _LEADING.match(one["title"])) else "" for one in replies]
    if all(own) and len(set(own)) == len(own):
        return dict(zip(own, replies, strict=True))
    return {str(place): one for place, one in enumerate(replies, 1)}


def picked(text: str, replies: Sequence[dict[str, str]]) -> str | None:
    """Returns the payload of the choice that ``text`` names by its number; None when it names none."""
    found = _DIGITS.fullmatch(unicodedata.normalize("NFKC", text))
    chosen = choices(replies).get(str(int(found[1]))) if found else None
    return chosen["payload"] if chosen else None


def pieces(text: str) -> list[str]:
    """Cuts a text into parts that 微信 takes, at the ends of lines or sentences where there are any."""
    parts = []
    while len(text.encode()) > MAX_BYTES:
        head = text.encode()[:MAX_BYTES].decode(errors="ignore")
        end = max(head.rfind(mark) for mark in ("\n", "。", "；", "，")) + 1
        cut = end if end > len(head) // 2 else len(head)
        parts.append(text[:cut].rstrip("\n"))
        text = text[cut:].lstrip("\n")
    return [*parts, text]
