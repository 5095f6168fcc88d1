"""What a message says of the place, against what is known of it."""

import re
from dataclasses import replace
from typing import Any

from actions import phrases
from actions.candidates import pick
from actions.state import Known, Said

# Answers to something else than where: they never become a place.
_NO_PLACE = frozenset(
    {
        "greet", "thanks", "goodbye", "affirm", "open_report", "insult", "chitchat", "out_of_scope", "decline_contact",
        "ask_capabilities", "ask_privacy", "ask_hours", "ask_bot", "ask_status", "ask_human", "urge",
        "withdraw", "rate",
    }
)  # fmt: skip
_WHERE = re.compile(
    r"[路街桥楼村店厂校院园场口边旁屯湾坡沟岭]|对面|后面|前面|附近|门口|底下|隔壁|小区|工地|空地|地头|家(?:里|那)|\d+号"
)
_HAN = re.compile(r"[一-鿿]")
_WAY = re.compile(r"往[东西南北前后里上下]|靠近|离.{1,6}不远|\d米|百米|紧挨|[东西南北]边|就在|拐")
_QUESTION = re.compile(r"能不能|是不是|可不可以|怎么|什么时候|为什么|吗[?？。]?$|[?？]$")
_TOO_LONG_FOR_A_NAME = 10


def read_place(said: Said, known: Known, asked: str | None) -> Known:
    """Returns what is known with the place that ``said`` names; an answer that names none stands in its own words."""
    if phrases.CHANGE_PLACE.match(said.text):
        return replace(known, place=None, confirmed=None, asked={**known.asked, "place": 0})
    old = known.place
    if asked == "place" and old and (chosen := pick(old.get("candidates") or [], said.text)):
        community = chosen["community"] or None
        known_well = bool(community or old.get("precise"))
        return replace(known, place={**old, **chosen, "community": community, "candidates": [], "precise": known_well})
    if said.place:
        wanted = asked in ("place", "confirmed") or said.intent == "correct"
        if old and not wanted and (old.get("precise") or not _fits(said.place, old)):
            return known
        return replace(known, place=_merge(said.place, old if asked == "place" or not wanted else None))
    if asked == "place" and not said.phone:
        return replace(known, place=_own_words(said, old))
    return known


def _own_words(said: Said, old: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns the place from an answer in which the resolver found none: their words, or that they cannot say."""
    unknown = said.intent in ("dont_know", "deny", "nothing") or phrases.NOTHING.match(said.text)
    if unknown or phrases.UNWILLING.search(said.text):
        return {**old, "settled": True} if old else {"text": "说不清", "unknown": True}
    if said.intent in _NO_PLACE or said.pinyin or said.photos or phrases.WHEN.match(said.text):
        return old
    han = len(_HAN.findall(said.text))
    if not han or not 2 <= len(said.text) <= 60 or tells_more(said):
        return old
    return _merge({"text": said.text}, old)


def tells_more(said: Said) -> bool:
    """Tells whether an answer to where names no kind of place, but says more of the matter or asks something."""
    if said.place or phrases.WHEN.match(said.text):
        return False
    if len(_HAN.findall(said.text)) >= _TOO_LONG_FOR_A_NAME:  # 五楼那家把我家墙泡了 names a floor, and no place
        where = bool(_WAY.search(said.text) or _WHERE.search(said.text[-6:]))
    else:
        where = said.intent not in ("report", "emergency", "supplement") or bool(_WHERE.search(said.text))
    return bool(_QUESTION.search(said.text)) or not where


def _fits(new: dict[str, Any], old: dict[str, Any]) -> bool:
    return not new.get("street") or not old.get("street") or new["street"] == old["street"]


def _merge(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the new place completed by what was known of the old one: 北宅 then 五龙社区, or 丽达 then 3号楼."""
    chosen = bool(new.get("community") and (old or {}).get("candidates"))
    if not old or old.get("unknown") or chosen or not _fits(new, old):
        return new
    named = f"{new.get('street') or ''}{new.get('community') or ''}"
    parts = [old["text"]] if new["text"] in named else [old["text"], new["text"]]  # the full name holds 枯桃 already
    joined = new["text"] if old["text"] in new["text"] else " ".join(parts)
    merged = {**old, **{key: value for key, value in new.items() if value}, "text": joined}
    merged["precise"] = bool(new.get("precise") or old.get("precise") or not new.get("street"))
    merged["candidates"] = [] if merged.get("community") else list(new.get("candidates") or [])
    return merged
