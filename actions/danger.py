"""Who is in danger, and what is left of an alarm that is taken back."""

import re
from typing import Any

FALSE_ALARM = re.compile(
    r"误会|虚惊|没事了|已经?(?:灭了|扑灭|解决|救出|没事)|不是(?:着火|火灾|紧急)|没(?:有)?(?:着火|起火)"
    r"|(?:搞|弄)错了|看错了|听错了|不用(?:来|报)了|解除"
)
_STILL = re.compile(
    r"但|可是|不过|还在|又(?:着|烧|冒|喊)|被困|困在|受伤|流血|昏|晕|冒烟.{0,4}大|有人(?!在?(?:烧烤|做饭|抽烟|烧纸|放|点|烤))"
)
_COURTESY = re.compile(
    r"^(?:哦+|噢|啊|唉|哎|嗯|好|那|真|是|实在|太|给你们|添|谢+|多谢|感谢|麻烦|不好意思|抱歉|对不起|打扰|了|您|你|们|吧|哈)+$"
)
_CLAUSE = re.compile(r"[,。;!?~、 ]+|(?=但是?|可是|不过)")
_HAN = re.compile(r"[一-鿿]")
_OTHER_STORY = 10
"""So many characters beside 看错了 tell what it really is; fewer only explain the mistake."""

_ACT = re.compile(
    r"不想再?活|没法活|活(?:够|不下去|着|腻)|想(?:死|不开|了断|结束)|[要想]?(?:死了|去死)|寻死|自[杀残]|轻生|[割划].{0,3}腕|跳(?:楼|海|河|桥|下)"
    r"|[要想]跳|遗书|农药|百草枯|药|楼顶|天台|窗(?:台|户)?外|桥(?:栏|边|上)|塔吊|一了百了|[跟随陪](?:他|她).{0,4}[走去]|就走|走了|再见|下辈子|解脱|烦我|海边"
)
_PEOPLE = (
    r"爸妈|爸爸?|妈妈?|父亲|母亲|爹|娘|孩子|小孩|娃|儿子|女儿|闺女|老公|老婆|丈夫|妻子|媳妇|对象|男朋友|女朋友|朋友|爷爷|奶奶|姥姥|姥爷|弟弟?|妹妹?|哥哥?|姐姐?"
    r"|老人|老头|老太太|老伴|邻居|同事|同学|学生|室友|工友|女的|男的|女生|男生|女人|男人|姑娘|小伙子?|[一那这]个人|有(?:一?个)?人|别人|他们?|她们?"
)
_WHO = re.compile(
    rf"(?P<object>(?:对不起|对不住|替|给|跟|和|陪|照顾好?|害了?|拖累|连累|离开|对|没了)(?:我的?)?(?:{_PEOPLE})+"
    rf"|[跟给对和](?:我|俺)|(?:告诉|叫|求|骂|发)我)"
    rf"|(?P<self>[我俺咱]一个人)|(?P<other>(?:我们?家?的?|俺)?(?:{_PEOPLE}))|(?P<alone>我|俺|咱|本人)"
)


def what_remains(text: str) -> str:
    """Returns what a message says besides taking an alarm back: 看错了，是邻居在烧烤 leaves 是邻居在烧烤."""
    rest = (FALSE_ALARM.sub("", clause).strip() for clause in _CLAUSE.split(text))
    return " ".join(one for one in rest if len(_HAN.findall(one)) > 1 and not _COURTESY.match(one))


def still_in_danger(text: str) -> bool:
    """Tells whether a message that takes one alarm back speaks of danger all the same: 没着火，但是有人被困."""
    return bool(_STILL.search(what_remains(text)))


def takes_back(text: str) -> bool:
    """Tells whether a message takes an alarm back and tells nothing else."""
    short = len(_HAN.findall(what_remains(text))) < _OTHER_STORY
    return bool(FALSE_ALARM.search(text)) and short and not still_in_danger(text)


def number_to_ring(triage: dict[str, Any] | None) -> str:
    """Returns the number to remind of: for suicide the line that listens comes before the police."""
    number = (triage or {}).get("emergency_number") or "110"
    return f"12356 或 {number}" if speaks_of_suicide(triage) else str(number)


def speaks_of_suicide(triage: dict[str, Any] | None) -> bool:
    """Tells whether the safety net has heard of suicide or self-harm."""
    return "轻生" in ((triage or {}).get("emergency_reason") or "")


def of_themselves(text: str) -> bool:
    """Tells whether somebody who speaks of suicide means themselves: the last one named before the act, else 我."""
    people = [found for found in _WHO.finditer(text) if found.lastgroup != "object"]
    return any(_does(act, people) != "other" for act in _ACT.finditer(text)) or not any(
        found.lastgroup == "other" for found in people
    )


def _does(act: "re.Match[str]", people: "list[re.Match[str]]") -> str | None:
    """Returns who does an act: the last one named before it, or the first after it within a few words."""
    before = [one for one in people if one.end() <= act.start()]
    after = [one for one in people if act.end() <= one.start() <= act.end() + 4]
    return before[-1].lastgroup if before else after[0].lastgroup if after else None
