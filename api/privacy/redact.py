"""Who a message names and where they live, taken out before anybody labels it: placeholders such as ``〔姓名〕``.

Recall comes before precision: a word too many taken out costs a little context, a name left in stays in the training
data for good. The patterns look at the text in half-width simplified form; the cut is made in the text as it was typed.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import jieba.posseg

from api.privacy.names import names
from classifier.facts import valid_phone
from classifier.text import simplify

_HAN_DIGITS = str.maketrans("零〇一二三四五六七八九幺两", "0012345678912")
_D = "[0-9零〇一二三四五六七八九幺两]"
_N = r"(?:\d{1,3}|[一二三四五六七八九十]{1,3})"
_WHOSE = r"(?:东户|西户|中户|[左右]手)?"
_HALF = (
    # 3号楼2单元501室, 8栋, A座1203, 二单元四楼东户
    rf"(?:{_N}号楼|(?<![\d.])(?:\d{{1,3}}|二?十[一二三四五六七八九]?|[二三四五六七八九])[栋幢](?!约|共|楼[都只全])|[A-Za-z][座栋]|(?<!个){_N}单元)"
    rf"(?:[ -]?{_N}单元)?(?:[ -]?{_N}[楼层])?(?:[ -]?\d{{3,4}})?[室户]?{_WHOSE}"
)
_DOOR = (
    _HALF,
    r"\d{3,4}室",
    r"\d{3,4}户(?=[的家])",
    # 12-1-702, 3-501; no price and no span of hours
    r"(?<![\d.\-])\d{1,3}-\d{1,2}-\d{3,4}(?![\d\-])",
    r"(?<![\d.\-])\d{1,2}-\d{3,4}(?![\d\-]|[元块米人个斤兆万天次])",
    r"(?<=[路街巷弄村里庄院苑园区城道坊墅])[甲乙丙附]?(?:\d{1,4}|[一二三四五六七八九十百]{1,5})号[甲乙丙]?(?!线|门(?!口|前|外|牌|面)|汽油|地铁|公交|出口|车|井|楼|院子?里)",
    # 我家501漏水, 601的人不开门
    r"(?<=[家住])\d{3,4}(?![\d元块米人个斤兆万天次年号路户.])",
    r"(?<![\d.第])(?:[1-9]0|[1-9]|[12]\d|3[0-3])0[1-9](?=的(?:人|邻居|住户|业主|租客|房东)|(?:邻居|业主|租户|租客))",
)
_MARKED: tuple[tuple[str, str], ...] = (
    ("邮箱", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
    ("证件", r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"),
    ("证件", r"(?:护照|证件?号码?|身份证号?码?)[是为: ]*([A-Za-z]?\d{7,18}[Xx]?)(?!\d)"),
    (
        "车牌",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]"
        r"[A-Za-z][·. -]?[A-Za-z0-9]{4,6}[学警挂港澳]?(?![A-Za-z0-9])",
    ),
    ("微信", r"(?:微信号?|[Vv][Xx]|[Ww][Xx]|[Vv]信|威信|薇信)(?:[是为加: ]|同号)*([A-Za-z][A-Za-z0-9_-]{4,19})"),
    ("微信", r"\b(wxid_[A-Za-z0-9]+)"),
    ("微信", r"(?:[Qq]{2}|扣扣)(?:号|群|邮箱)?(?:码)?[是为加: ]*(\d{5,11})(?!\d)"),
)
_FIRST = tuple((kind, re.compile(pattern)) for kind, pattern in _MARKED)
_DOORS = tuple(re.compile(pattern) for pattern in _DOOR)
_CALLED = re.compile(rf"(?<![0-9A-Za-z])(?:\+?86[ -]?)?{_D}(?:[ -]?{_D}){{6,12}}(?![0-9A-Za-z])")
_LONG = re.compile(r"(?<![0-9A-Za-z.])(?:[A-Z]{1,4})?\d{7,20}(?![0-9A-Za-z])")


@dataclass(frozen=True)
class Span:
    """One piece of personal data: its kind as the placeholder names it, first character, one past the last."""

    kind: str
    start: int
    end: int


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Returns ``text`` with everything personal replaced by its kind.

    Kinds: ``〔姓名〕 〔电话〕 〔证件〕 〔车牌〕 〔门牌〕 〔邮箱〕 〔微信〕 〔号码〕``.

    Args:
        text: what somebody wrote.
        known: names that are known to belong to the matter, such as its reporters', taken out wherever they stand.
    """
    for span in reversed(find_personal(text, known)):
        text = f"{text[: span.start]}〔{span.kind}〕{text[span.end :]}"
    return text


def find_personal(text: str, known: Iterable[str] = ()) -> list[Span]:
    """Returns the personal pieces of ``text`` in reading order, none overlapping; the earlier finder wins."""
    plain = _aligned(text)
    taken: list[Span] = []
    for kind, found in _candidates(plain, known):
        for start, end in found:
            if start < end and not any(start < one.end and one.start < end for one in taken):
                taken.append(Span(kind, start, end))
    return sorted(taken, key=lambda one: one.start)


def _candidates(plain: str, known: Iterable[str]) -> Iterator[tuple[str, Iterable[tuple[int, int]]]]:
    for name in sorted({one.strip() for one in known if len(one.strip()) > 1}, key=len, reverse=True):
        yield "姓名", (found.span() for found in re.finditer(re.escape(name), plain))
    for kind, pattern in _FIRST:
        yield kind, (found.span(found.lastindex or 0) for found in pattern.finditer(plain))
    yield "电话", (found.span() for found in _CALLED.finditer(plain) if _is_phone(found.group()))
    yield "号码", (found.span() for found in _LONG.finditer(plain))
    for pattern in _DOORS:
        yield "门牌", (found.span() for found in pattern.finditer(plain))
    yield "姓名", names(plain, [(one.word, one.flag) for one in jieba.posseg.cut(plain)])


def _is_phone(raw: str) -> bool:
    digits = re.sub(r"\D", "", raw.translate(_HAN_DIGITS))
    digits = digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
    # A number with a digit too few or too many is somebody's all the same.
    return valid_phone(digits) or bool(re.fullmatch(r"1[3-9]\d{8,10}", digits))


def _aligned(text: str) -> str:
    """Half-width, simplified, character by character: positions are those of ``text`` (ligatures stay as they are)."""
    half = "".join(form if len(form := unicodedata.normalize("NFKC", char)) == 1 else char for char in text)
    plain = simplify(half)
    return plain if len(plain) == len(text) else half
