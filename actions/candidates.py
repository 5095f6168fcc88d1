"""Which of the places offered an answer in words means: 第二个, 西边那个, 郑张的."""

import re
from collections.abc import Mapping, Sequence

_ORDINALS = {**dict(zip("一二三四五六", range(6), strict=True)), **{str(i + 1): i for i in range(6)}}
_ORDINAL = re.compile(
    r"[就应该是在选我]*(?:第([一二三四五六1-6])[个项条]?|([1-6一二三四五六])|(最后)那?一?个)[。.!吧的 ]*"
)
_OPENING = re.compile(r"^(?:应该|大概|好像|可能|就|是|在|选|我们?|住|最|靠|的|,| )+")
_CLOSING = re.compile(r"(?:[。.!,~ ]|[吧呢啊哈呀的]|那?一?个|那?[边面头侧]|那|村|社区|街道|家)+$")


def pick(candidates: Sequence[Mapping[str, str]], words: str) -> Mapping[str, str] | None:
    """Returns the candidate that an answer means; None when it means none or several.

    Args:
        candidates: ``{"street", "community"}`` of each reading of a place, in the order in which they were shown.
        words: the whole answer in normal form; one that says anything besides picks nothing.
    """
    if found := _ORDINAL.fullmatch(words):
        index = len(candidates) - 1 if found[3] else _ORDINALS[found[1] or found[2]]
        chosen = list(candidates[index : index + 1]) if index >= 0 else []
    else:
        core = _CLOSING.sub("", _OPENING.sub("", words)) or words
        stems = [_stem(one) for one in candidates]
        end = _common_end(stems)
        short = [stem.removesuffix(end).removesuffix("家") for stem in stems]
        chosen = [one for one, *told in zip(candidates, stems, short, strict=True) if core and core in told]
    return chosen[0] if len(chosen) == 1 else None


def _stem(candidate: Mapping[str, str]) -> str:
    return re.sub("(?:社区|村)$", "", candidate["community"]) or candidate["street"].removesuffix("街道")


def _common_end(stems: list[str]) -> str:
    """Returns the longest ending of all, never a whole one: 姜哥庄 of 东姜哥庄 and 西姜哥庄."""
    length = 0
    while stems and all(len(stem) > length + 1 for stem in stems) and len({stem[-length - 1 :] for stem in stems}) == 1:
        length += 1
    return stems[0][len(stems[0]) - length :] if stems else ""
