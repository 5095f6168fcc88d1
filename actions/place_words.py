"""The resident's own words for a place, as they are read back: without the time, the thing and the story."""

import re

_FILLER = re.compile(r"^(?:一下|就是|是|那个|这个|嗯|呃|啊|哦|喂|你好|您好)+(?=.)")
_TIME = re.compile(
    r"(?:从|自)?(?:昨天|今天|前天|昨晚|今晚|昨夜|今早|半夜|夜里|早上|上午|中午|下午|晚上|凌晨|刚才|刚刚|最近|去年|今年|上周|上个?月|一直|每天|天天|经常|\d+点).*$"
)
_PLACE_END = r"[路街道桥楼村店厂校院园场口边旁屯湾坡沟岭站区里号栋座室层面家地]"
_THING = re.compile(rf"(?<=[路街口上下里边旁面门村站场院区])的(?![^的]*{_PLACE_END}$).*$")
_STORY = re.compile(
    r"司机|绕路|乘客|老板|没见|没人|没钱|没着火|看错|不是|谢谢|怎么|投诉|管管|干了|不用来|我们.{0,4}[多个]人|欠|拖欠|不给|坏了|漏|^[^,]{0,6}上的$"
)
_NOTHING_NEW = re.compile(
    r"^(?:就?在)?(?:我们?|俺们?|咱们?)?(?:这个?|那个?|本)?(?:村|村里|社区|小区|小区里|这边|那边|这里|这儿|那儿|这片|里)$"
)
_PARTICLE = re.compile(r"[嘛呀啊呢吧哈]")
_NUMBER = re.compile(r"[A-Za-z0-9一二三四五六七八九十东西南北]{1,4}(?:区|期|号楼|号|栋|座|单元|室|门)")


def own_words(text: str, stems: tuple[str, ...] = ()) -> str:
    """Returns what of ``text`` finds the place, perhaps nothing.

    Args:
        text: the words that were taken for the place.
        stems: the names of street and community that are read back beside them, without 街道 and 社区.
    """
    kept = [_cleaned(word, stems) for word in re.split(r"[ ,。;!]+", text)]
    return " ".join(word for word in dict.fromkeys(kept) if word)


def _cleaned(word: str, stems: tuple[str, ...]) -> str:
    word = _THING.sub("", _TIME.sub("", _FILLER.sub("", word))).strip("的")
    for stem in stems:
        rest = _PARTICLE.sub("", word.removeprefix(stem))
        if word.startswith(stem) and _NUMBER.match(rest):
            word = rest  # 东城国际嘛A区 beside 东城国际社区
    bare = re.sub("(?:小区|社区|村里?)$", "", word)  # 张村 beside 南张社区, 康城小区 beside 康城社区
    named = word in stems or (bare != word and any(bare in stem for stem in stems))
    return "" if named or _STORY.search(word) or _NOTHING_NEW.match(word) else word
