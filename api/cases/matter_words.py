"""What a description says of its matter: without what two tellings of it differ in, from the greeting to the phone."""

import re

import numpy as np

from api.triage.service import get_places
from classifier.facts import find_facts
from classifier.text import normalise
from classifier.triage import Triager

_SPEAKER = r"(?:我们?|俺们?|本人)"
_GREETING = re.compile(
    rf"^(?:(?:你们?好|您好|喂|请问|领导好?|同志|麻烦(?:您|你|问)?(?:一下)?|打扰(?:一下)?了?)[,。!~ ]*)*"
    rf"(?:{_SPEAKER}?(?:想|要|来)?(?:反映|反应|投诉|举报|咨询|求助)(?:一下)?(?:一?个)?(?:问题|情况|事情?)?[,。:! ]+)?"
)
# What is left round the names when they are gone: 我是…的，我住在…, 电话…
_FRAME = re.compile(
    rf"(?:^|(?<=[,。;! ])){_SPEAKER}?(?:是|住在?|家?在|位于|地址是?|姓|叫)? *"
    r"(?:附近|这边|那边)?的?(?:居民|村民|业主|住户)?(?=[,。;! ]|$)"
    r"|(?:我的)?(?:联系)?(?:电话|手机号?|号码|联系方式)(?:是|:)?[ ]*(?=[,。;! ]|$)"
    r"|(?:谢谢|感谢|多谢|麻烦)(?:了|您|你们?|领导)*[!。, ]*$"
)
_AGAIN = re.compile(r"(?:还是|依然|依旧|仍然?|一直)(?=[一-鿿])")
_MARKS = re.compile(r"^[,。;!:、的 ]+|(?<=[,。;!:])[,。;!: ]+|[,;: ]+$")
_LEAST = 2


def matter_words(text: str) -> str:
    """Returns ``text`` in normal form without greeting, places, names, phone and thanks; whole when nothing is left."""
    plain = normalise(text)
    rest = plain
    for fact in reversed(find_facts(plain)):
        rest = rest[: fact.start] + rest[fact.end :]
    rest = get_places().nameless(rest)
    for pattern in (_GREETING, _FRAME, _AGAIN):
        rest = pattern.sub("", rest)
    rest = _MARKS.sub("", rest)
    return rest if len(rest) >= _LEAST else plain


def embedding(text: str, triager: Triager) -> bytes:
    """Returns the encoder's vector of a text's matter as float16 bytes, as it is kept with a case."""
    vector: bytes = triager.encoder.embed([matter_words(text)])[0].astype(np.float16).tobytes()
    return vector
