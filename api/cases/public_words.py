"""What strangers may read of a case: the matter and its place, nobody's name, number, plate or room."""

import re
from collections.abc import Iterator
from functools import lru_cache

import jieba.posseg

from api.cases.models import Case
from api.crypto import mask_numbers
from api.triage.service import get_places
from classifier.facts import find_facts
from classifier.text import normalise

LENGTH = 40
_PLATE = re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z]·?[A-Za-z0-9]{5,6}")
_DIGITS = re.compile(r"\d{2,}\*+\d+|\d{6,}")
# 3号楼2单元501室, 95-2-301: the building may stay, whose door it is may not.
_ROOM = re.compile(
    r"\d{1,2}单元(?:\d{1,2}(?:楼|层))?(?:\d{3,4})?(?:室|户)?|(?<=楼)\d{3,4}(?:室|户)?|\d{3,4}(?:室|户)|(?:-\d{1,4}){2,}"
)
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜戚谢邹章苏潘葛范彭鲁韦马苗方俞任袁柳史唐薛雷贺"
    "倪汤罗毕郝安常于傅齐康伍余顾孟黄萧尹姚邵汪毛戴宋庞熊纪舒屈项祝董梁杜阮季贾江颜郭梅林钟徐邱骆高夏蔡田樊胡凌霍"
    "万卢莫房丁邓单洪包左石崔吉龚程邢裴陆翁段侯武刘景龙叶黎白赖乔谭冉牛温庄柴阎连习艾"
)
_OTHERS = re.compile(
    rf"(?<=邻居|业主|住户|租户|房东|老板|村民|店主|司机|医生|老师|姓名|名叫|叫做)"
    rf"([{''.join(sorted(_SURNAMES))}])[一-鿿]{{1,2}}?(?=[家的是在把,。]|$)"
)


def warm() -> None:
    """Loads the word segmenter, so that no resident waits for it."""
    next(iter(_words("你好")))


def public_summary(case: Case) -> str:
    """Returns the beginning of a case's story with everything personal taken out, at most ``LENGTH`` characters."""
    plain = _without_people(case.description)
    known = [one.name for one in case.reporters if one.name]
    for name in known:
        plain = plain.replace(name, "某")
    return plain[:LENGTH]


def public_place(case: Case) -> str:
    """Returns the place of a case down to the building, never the door."""
    return _without_people(case.place_text or "") or case.community or case.street or ""


def _without_people(text: str) -> str:
    plain = normalise(mask_numbers(text))
    for fact in reversed(find_facts(plain)):
        if fact.kind in ("name", "phone"):
            plain = f"{plain[: fact.start]}某{plain[fact.end :]}"
    plain = _DIGITS.sub("…", _PLATE.sub("某车", _ROOM.sub("", plain)))
    return "".join(_words(_OTHERS.sub(r"\1某", plain))).strip(" ,，。")


def _words(plain: str) -> Iterator[str]:
    for word, kind in jieba.posseg.cut(plain):
        person = kind == "nr" and len(word) in (2, 3) and word[0] in _SURNAMES and word not in _place_names()
        yield f"{word[0]}某" if person else word


@lru_cache
def _place_names() -> str:
    """Returns every name of a place, one a line: 王哥庄 and 石老人 are not people."""
    return "\n".join(get_places().words())
