"""What a message of 微信 says, in the terms of the intake."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from api.chat.text import clean, has_words
from api.errors import Problem
from api.wechat.lines import wechat_lines


@dataclass(frozen=True)
class Heard:
    """One message for the intake: words, a photo (its ``MediaId``), or a place (GCJ-02 degrees and its address)."""

    text: str = ""
    media_id: str = ""
    lat: float | None = None
    lng: float | None = None
    label: str = ""

    def as_json(self) -> str:
        """Returns the form in which it is kept, encrypted."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, kept: str) -> "Heard":
        """Reads what ``as_json`` wrote."""
        return cls(**json.loads(kept))


def hear(message: Any) -> Heard | str | None:
    """Reads a message of ``wechatpy``.

    Returns:
        what to hand to the intake; or a line that answers it without the intake; or None for what asks for no answer.
    """
    if str(message._data.get("MsgType")).lower() == "event":
        return _touched(message)
    match message.type:
        case "text":
            return _spoken(message.content, wechat_lines().unsupported["other"])
        case "voice":
            return _spoken(message.recognition, wechat_lines().no_voice)
        case "image" if _words(message.media_id):
            return Heard(media_id=_words(message.media_id))
        case "location":
            return _place(message)
    return wechat_lines().unsupported.get(message.type, wechat_lines().unsupported["other"])


def _touched(event: Any) -> Heard | None:
    # Of all events only a touch on the menu says something; new kinds of them come every year.
    said = wechat_lines().says(_words(event.key)) if getattr(event, "event", "") == "click" else None
    return Heard(said) if said else None


def _words(value: Any) -> str:
    return clean(value) if isinstance(value, str) else ""


def _spoken(value: Any, otherwise: str) -> Heard | str:
    text = _words(value)
    return Heard(text) if has_words(text) else otherwise


def _place(message: Any) -> Heard | str:
    try:
        lat, lng = float(message.location_x), float(message.location_y)
    except (TypeError, ValueError):
        lat = lng = float("nan")
    if not (-90 <= lat <= 90 and -180 <= lng <= 180):
        return wechat_lines().unsupported["other"]
    return Heard(lat=lat, lng=lng, label=_words(message.label)[:200])


def identity(message: Any) -> str:
    """Returns what is the same in every repetition of a message: its number, or for an event its time and kind.

    Raises:
        Problem: 400 when it has neither.
    """
    try:
        number, moment = int(message.id or 0), int(message.time or 0)
    except (TypeError, ValueError):
        raise Problem(400, "消息的编号不对") from None
    if message.type != "event" and number:
        return f"m{number}"[:64]
    if not moment:
        raise Problem(400, "消息没有编号")
    return f"e{moment}:{message.type}:{getattr(message, 'event', '')}:{_words(getattr(message, 'key', ''))}"[:64]
