"""The separate matters in one message: split where people say so, and only where the model sees different things.

Precision first: a story with its history and effects, or one matter told in several clauses, stays one, since a matter
torn apart loses its sense while two filed together can still be parted by a clerk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from classifier.safety import emergency_signal
from classifier.taxonomy import URGENCIES
from classifier.triage import APPEAL_BAR, Triage

MAX_MATTERS = 5
ADVICE = URGENCIES[3]
MAX_CHARS = 1_000  # longer texts are stories or documents; their parts are a clerk's to judge

_START = r"(?:^|(?<=[\s,，.。;；!！?？:：、…]))"
_THING = r"(?:事情?|問題|问题|情[况況]|诉求|訴求)"
_COUNTED = rf"(?:件|个|個|点|點|条|條|桩|樁|样|樣){_THING}?(?:就?是)?"
# A number at the start of a clause: 1. 一是 第二， 第二个问题 ② （三） 首先 一个是
_ITEM = re.compile(
    rf"{_START}(?:"
    rf"第[一二三四五六](?:{_COUNTED}|就?是|(?=[,，、:：.]))"
    r"|[（(][一二三四五六1-6１-６][)）]|[①②③④⑤⑥]"
    r"|[一二三四五六](?:就?是|[、.．](?!\d))|[1-6１-６](?:[.．、)）:：](?!\d)|就?是)"
    rf"|其[一二三四五](?!他|它|中)|首先|其次|一(?:件|个|個)(?:事情?|问题)?就?是"
    r")[,，、:：.．\s]*"
)
_FURTHER = r"(?:反映|反应|反應|投诉|投訴|举报|舉報|咨询|諮詢|报|報|问|問|说|說)"
# Said in so many words that another matter follows.
_STRONG = re.compile(
    rf"{_START}(?:另外|还有|還有|再|顺便|順便|此外|对了|對了|同时|同時)?[,，]?(?:"
    rf"(?:还有|還有|另外|另|再|再来|再說|再说)(?:一|1|个|個|两|几)?(?:件|个|個|桩|樁|点|點){_THING}?(?:就?是)?"
    rf"|(?:还|還|也|再|顺便|順便|另外)(?:想|要|得|一并)?(?:再|顺便|一并)?(?:跟你们?|向你们?)?{_FURTHER}(?:一?下|一?个|个|一件|一條|一条)"
    rf"|(?:还|還|也)(?:想|要)(?:再|顺便|順便)?{_FURTHER}|(?:顺便|順便)再?{_FURTHER}"
    rf"){_THING}?[,，、:：\s]*"
)
_WEAK = re.compile(
    rf"{_START}(?:还有(?:就是)?|還有(?:就是)?|另外|此外|除此之外|顺便|順便|顺带|順帶|再就是|再有|再者|再一个|再一個|对了|對了)[,，、:：\s]*"
)
# 两件事、几个问题: from there on every clause may begin the next matter.
_ANNOUNCED = re.compile(
    rf"(?:[两兩俩三四几幾2-5]|好几)(?:件|个|個|桩|樁|样|樣){_THING}|{_THING}有(?:[两兩俩三四几幾2-5]|好几)(?:件|个|個|点)"
)
_CLAUSE = re.compile(r"[,，;；。!！\n]+\s*")
_LEAD_IN = re.compile(rf"^.{{0,16}}(?:{_ANNOUNCED.pattern})(?:要|想|得|需要)?{_FURTHER}?(?:一下)?[,，。:：!！\s]*$")
_OPENING = re.compile(rf"^.{{0,8}}(?:{_ANNOUNCED.pattern})(?:要|想|得|需要)?{_FURTHER}?(?:一下)?[,，。:：!！\s]+")
# Not a matter of its own: a wish, thanks, how it was handled so far, what came of it.
_HANGS_ON = re.compile(
    r"^(?:也|都|就|又)?(?:希望|请求|请|請|要求|麻烦|麻煩|谢谢|謝謝|感谢|恳请|盼|建议你们|尽快|赶紧|抓紧|能不能(?:尽快|赶紧|给))"
    r"|^[这那](?:边|里|儿)也|^(?:[这這那](?:事|件事|个事|样|樣|么|導致|导致|让|使|就|都)|因此|所以|结果|結果|导致|造成|害得|搞得|弄得|影响|影響|严重影响|因为|由于|之前|以前|当时|后来|上次|去年|如果|要是|不然|否则)"
    r"|^.{0,4}(?:没|沒)有?人(?:管|理)|(?:没|沒)有?人(?:答复|回复|接)|打不通|不接电话|不(?:予|给)?(?:理睬|答复|回复|解决|处理)|不管不问"
    r"|推(?:来推去|诿|脱|托)|踢皮球|态度|(?:打|找|问|报)过.{0,12}(?:电话|12345|社区|物业|居委会|警)|(?:反映|投诉|举报)(?:过|了(?:好几|多|几|两|三))"
    r"|(?:谁|誰)(?:来)?负责|赔偿|赔我|给个说法"
)
_HAN = re.compile(r"[一-鿿㐀-䶿]")
_MIN_HAN = 3
_A_MATTER = 6
_MANY = re.compile(r"问题(?:很多|不少|太多|一堆|如下|有)|以下|如下|[:：]?几[点条]")
_CLEARLY = 0.9
"""Two pieces of different categories, each as probable as this, are two matters whatever else they share."""
_ALSO = 6  # 发票也不给开: what is “also” so belongs to what was told; an 也 further on is one within its own story
_LISTED, _SAID, _HINTED, _CLAUSED = 0.3, 0.2, 0.8, 0.7
"""How probable a piece's class must be in a numbered list; after 再反映一件事; after 另外; in clauses after 两件事."""
# Within these the subcategories are different things in different hands; elsewhere (noise and dust of one site, wages
# and insurance of one employer, the faults of one purchase) they are mostly sides of one matter.
_SEPARATE_WITHIN = frozenset({"城乡建设", "政法", "交通运输"})


class Judge(Protocol):
    """What can triage several texts at once: ``classifier.triage.Triager``."""

    def triage_many(self, texts: list[str], places: list[str | None] | None = None) -> list[Triage]:
        """Decides many texts, in their order."""


@dataclass(frozen=True)
class _Cut:
    """A place where a next matter may begin: where the marker stands, where it ends, and how sure the model must be."""

    start: int
    end: int
    bar: float
    strong: bool = False


def split(text: str, judge: Judge, whole: Triage | None = None) -> list[str]:
    """Returns the separate matters of ``text`` in order, each in the reporter's words; ``[text]`` when it is one.

    Args:
        text: what was written, in any script.
        judge: triages the pieces. It is not asked when nothing in the text speaks for a second matter.
        whole: the triage of ``text``, if it is known already.
    """
    cuts = _cuts(text) if len(text) <= MAX_CHARS else []
    if not cuts or emergency_signal(text):
        return [text]
    cuts = [cut for cut in cuts if cut.bar != _LISTED] if _lists_its_points(text, cuts, judge) else cuts
    if not cuts:
        return [text]
    pieces = _pieces(text, cuts)
    if (whole or judge.triage_many([text])[0]).emergency:
        return [text]
    judged = judge.triage_many([words for words, _ in pieces])
    matters = _gather(pieces, judged)
    return matters if len(matters) > 1 else [text]


def _cuts(text: str) -> list[_Cut]:
    items = [_Cut(m.start(), m.end(), _LISTED) for m in _ITEM.finditer(text)]
    cuts = items if len(items) > 1 else []
    cuts += [_Cut(m.start(), m.end(), _SAID, strong=True) for m in _STRONG.finditer(text)]
    announced = _ANNOUNCED.search(text)
    cuts += [_Cut(m.start(), m.end(), _CLAUSED if announced else _HINTED) for m in _WEAK.finditer(text)]
    if not items and announced:
        cuts += [_Cut(m.start(), m.end(), _CLAUSED) for m in _CLAUSE.finditer(text, announced.end())]
    kept: list[_Cut] = []
    for cut in sorted(cuts, key=lambda one: (one.start, -one.end, one.bar)):
        if not kept or cut.start >= kept[-1].end:
            kept.append(cut)
    return [cut for cut in kept if cut.start > 0 or len(kept) > 1]


def _pieces(text: str, cuts: Sequence[_Cut]) -> list[tuple[str, _Cut]]:
    """Returns the text between the cuts without the markers.

    What stands before the first number of a list opens its first item (枯桃社区的，1. …), or falls away when it only
    says that a list follows.
    """
    ends = [*(cut.start for cut in cuts[1:]), len(text)]
    found = [(_bare(text[cut.end : end]), cut) for cut, end in zip(cuts, ends, strict=True)]
    head = _OPENING.sub("", _bare(text[: cuts[0].start]))
    if not head or _LEAD_IN.match(head):
        return [(words, cut) for words, cut in found if words]
    if cuts[0].bar == _LISTED:
        found[0] = (f"{head}，{found[0][0]}", cuts[0])
    else:
        found.insert(0, (head, _Cut(0, 0, _LISTED)))
    return [(words, cut) for words, cut in found if words]


def _lists_its_points(text: str, cuts: Sequence[_Cut], judge: Judge) -> bool:
    """Tells whether a list follows a matter told already: 业委会不公开账目：第一，三年没公示；第二，…"""
    head = _bare(text[: cuts[0].start])
    if cuts[0].bar != _LISTED or len(_HAN.findall(head)) < _A_MATTER or _LEAD_IN.match(head) or _MANY.search(head):
        return False
    return _stands_alone(head, judge.triage_many([head])[0], 0.6)


def _bare(words: str) -> str:
    return words.strip(" \n\t,，;；、:：。")


def _gather(pieces: Sequence[tuple[str, _Cut]], judged: Sequence[Triage]) -> list[str]:
    """Joins each piece to the matter that it belongs to; returns the matters, at most ``MAX_MATTERS``."""
    matters: list[str] = []
    about: list[Triage] = []
    for (words, cut), found in zip(pieces, judged, strict=True):
        # 墙纸也发霉了: what is “also” so is more often one more effect than a matter of its own.
        standing = _stands_alone(words, found, cut.bar + 0.1 * ("也" in words))
        same = next((i for i, other in enumerate(about) if _same(words, found, other, cut.strong)), None)
        if not matters:
            matters.append(words)
            about.append(found)
        elif not standing or same is not None or len(matters) == MAX_MATTERS:
            at = same if same is not None and standing else -1
            matters[at] = f"{matters[at]}，{words}"
        elif not _stands_alone(matters[-1], about[-1], min(cut.bar, 0.6)):
            # A greeting, a name, an address: it opens what follows.
            matters[-1], about[-1] = f"{matters[-1]}，{words}", found
        else:
            matters.append(words)
            about.append(found)
    return matters


def _stands_alone(words: str, found: Triage, bar: float) -> bool:
    opening = _CLAUSE.split(words, maxsplit=1)[0]  # 还有老鼠，孩子都怕: a bare noun is one more side of the same matter
    told = len(_HAN.findall(opening)) >= _MIN_HAN and not _HANGS_ON.search(words)
    return told and found.appeal >= APPEAL_BAR and found.confidence["subcategory"] >= bar


def _same(words: str, found: Triage, other: Triage, strong: bool) -> bool:
    """Tells whether a piece is one more side of a matter: the same class, the same party, the same question."""
    if (found.category, found.subcategory) == (other.category, other.subcategory):
        return True
    if strong:
        return False
    if found.urgency == other.urgency == ADVICE:
        return True
    also = "也" in words[:_ALSO]
    if found.category != other.category and not also and min(_surety(found), _surety(other)) >= _CLEARLY:
        return False
    apart = {found.category, other.category} <= _SEPARATE_WITHIN
    return not apart and (found.category == other.category or "也" in words)


def _surety(found: Triage) -> float:
    return min(found.confidence["category"], found.confidence["subcategory"])
