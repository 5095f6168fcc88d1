"""What a message says of the matter itself: telling, adding, correcting, and parting or joining several."""

import re
from dataclasses import replace
from typing import Any

from actions import phrases
from actions.place import tells_more
from actions.state import MAX_MATTER, Heard, Known, Said

_TELLING = frozenset({"report", "emergency", "supplement", "correct"})
# Intents that hold a matter now and then: 你们这帮吃干饭的，路灯坏了三个月没人管. Only the triage can tell.
_DOUBTFUL = frozenset({"nlu_fallback", "inform", "out_of_scope", "open_report", "insult", "chitchat", "cancel"})
_ADDING = frozenset({"report", "emergency", "supplement"})
_ANSWERING = frozenset({"inform", "nlu_fallback"})
_ANSWERED_AT_LENGTH, _MIN_HAN = 8, 4
_HAN = re.compile(r"[一-鿿㐀-䶿]")
_NOT_KNOWN = re.compile(r"(?:不知道|不清楚|不晓得|说不(?:清|上来))[^,。;! ]*")
_FINDS = re.compile(
    r"(?:我们?|俺|家)*(?:就?[住在]+|就是|位于|靠近|挨着|离)|[一-鿿]{0,3}(?:地铁站|车站|路口|街口|门口|小区|大厦|学校|超市|医院)"
    r"|旁边?|附近|对面|[东西南北前后里]边|这边|那边"
)
_NEXT = re.compile(r"^(?:还有|還有|另外|此外|再|顺便|順便|对了|對了)")


def read_command(said: Said, known: Known) -> Heard | None:
    """Returns what a command about the matters leaves, or None if it is none.

    第二件不报了, 第二件在枯桃社区, 合成一件, 分开报, 事情写错了…
    """
    if known.matters and phrases.AS_ONE.search(said.text):
        return Heard(replace(known, matters=(), whole=True, confirmed=None))
    if known.whole and phrases.APART.match(said.text):
        return Heard(replace(known, whole=False, confirmed=None), grew=True)
    if known.matters and (match := phrases.ONLY.search(said.text) or phrases.DROP.search(said.text)):
        return Heard(_chosen(known, phrases.ordinals(said.text, match), keep=match.re is phrases.ONLY))
    if known.matters and (found := phrases.PLACE_OF.match(said.text)) and said.place:
        return Heard(_placed(known, phrases.ordinals(said.text, found), found["where"]))
    if known.matter and (found := phrases.CHANGE_MATTER.match(said.text)):
        new = (found["new"] or found["newer"] or "").strip()
        return Heard(replace(known, matter=new or None, matters=(), triage=None, confirmed=None), grew=bool(new))
    return None


def _chosen(known: Known, named: set[int], keep: bool) -> Known:
    """Returns what remains after 只报第一件 or 第二件不报了; numbers that leave none or all change nothing."""
    count = len(known.matters)
    chosen = {at % count for at in named if at < count}
    left = [one for at, one in enumerate(known.matters) if (at in chosen) == keep]
    if not left or len(left) == count:
        return known
    return replace(known, matter="；".join(left), matters=tuple(left) if len(left) > 1 else (), confirmed=None)


def _placed(known: Known, named: set[int], where: str) -> Known:
    """Returns the matters with a place of its own for the one that 第二件在枯桃社区 names."""
    count = len(known.matters)
    at = {one % count for one in named if one < count}
    matters = tuple(f"{one}（地点：{where}）" if i in at else one for i, one in enumerate(known.matters))
    return replace(known, matters=matters, confirmed=None)


def read_matter(said: Said, before: Known, after: Known, asked: str | None) -> Heard:
    """Returns what is known with the matter told, corrected or grown by this message."""
    if corrected := _corrected(said, before):
        return Heard(replace(after, **corrected, confirmed=None), grew=True)
    if asked == "place" and before.matter and phrases.WHEN.match(said.text):
        return Heard(_added(after, said))
    if not before.matter:
        tells = said.has_substance or (said.may_hold_more and said.intent in _TELLING)
        tells = tells or (asked == "matter" and not said.has_facts and len(re.findall(r"\w", said.rest)) >= 2)
        return _told(said, after, asked) if tells else Heard(after)
    if not said.has_substance or (phrases.TAIL.search(said.text) and after.contact != before.contact):
        return Heard(after)
    words = said.typed or said.text
    if words in before.matter or not _adds(said, before, after, asked):
        return Heard(after)
    answers = asked in ("place", "contact") and said.intent != "emergency" and (said.has_facts or after != before)
    return Heard(_added(after, said), grew=True, calm=answers and not said.danger)


def _told(said: Said, after: Known, asked: str | None) -> Heard:
    doubtful = said.intent in _DOUBTFUL and not (asked in ("place", "contact") and said.intent == "inform")
    # Whoever says goodbye or asks for a person and comes into the form has said something that looked grave.
    doubtful = doubtful or (said.intent not in _TELLING and (said.danger or asked is None))
    if said.intent not in _TELLING and not doubtful:
        return Heard(after)
    matter = (said.typed or said.text)[:MAX_MATTER]
    unsure = doubtful or not said.has_substance
    return Heard(replace(after, matter=matter, confirmed=None), grew=True, doubtful=unsure)


def _adds(said: Said, before: Known, after: Known, asked: str | None) -> bool:
    """Tells whether a message about a matter that is known already says more of it."""
    if said.danger:
        return True
    if asked == "place" and after.place != before.place:
        # 枯桃社区3号楼，昨天物业来过没修好: more than where it is. Words that only find the place stay with the place.
        told = len(re.findall(r"\w", _FINDS.sub("", _NOT_KNOWN.sub("", said.rest).replace(" ", ""))))
        return bool(said.place) and told >= (6 if said.intent in _ADDING else _ANSWERED_AT_LENGTH)
    if said.intent in _ADDING:
        return True
    if asked == "place" and said.intent in _ANSWERING:
        return tells_more(said) and len(_HAN.findall(said.rest)) >= _ANSWERED_AT_LENGTH
    if asked in ("contact", "confirmed") and said.intent in _ANSWERING:
        least = _ANSWERED_AT_LENGTH if asked == "contact" or said.has_facts else _MIN_HAN
        return len(_HAN.findall(said.rest)) >= least
    return False


def _added(known: Known, said: Said) -> Known:
    """Returns what is known with the words added: as one more matter when they say so, else to the last one."""
    words = said.typed or said.text
    matters = tuple(known.matters)
    if matters:
        more = _NEXT.match(words) and len(matters) < 5
        matters = (*matters, words) if more else (*matters[:-1], f"{matters[-1]}；{words}")
    return replace(known, matter=f"{known.matter}；{words}"[:MAX_MATTER], matters=matters, confirmed=None)


def _corrected(said: Said, known: Known) -> dict[str, Any] | None:
    """Returns matter and matters with 不是路灯是井盖 carried out, or None when the message corrects no word of them."""
    found = phrases.NOT_THIS_BUT.search(said.text)
    old = found["old"].strip() if found else ""
    if not found or not known.matter or len(old) < 2 or old not in known.matter or said.name or said.phone:
        return None
    new, rest = found["new"].strip(), known.matter.split(old, 1)[1]
    overlap = next((size for size in range(len(new), 0, -1) if rest.startswith(new[-size:])), 0)
    new = new[: len(new) - overlap] if overlap else new
    return {
        "matter": known.matter.replace(old, new, 1),
        "matters": tuple(one.replace(old, new, 1) for one in known.matters),
    }
