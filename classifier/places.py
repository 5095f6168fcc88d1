"""Where a message happens: streets, communities, roads and landmarks of the district, from ``nlu_data/places``."""

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from classifier.text import normalise

_DETAIL = (
    # No verb of a complaint inside (小广告贴满楼道), and no first half of another word (路灯, 楼道, 桥栏杆, 站牌).
    r"(?:(?:(?![贴坏堆漏满占被把没脏乱掉])[一-鿿A-Za-z0-9·\-]){0,12}?(?:小区|花园|公寓|广场|大厦|商场|超市|市场|学校|小学|中学|幼儿园|医院|银行|酒店|工地|公园"
    r"|车站(?!牌)|地铁站|站(?![牌着])|交叉口|路口|街口|路(?![灯面边由])|街(?![上面边])|大道|巷|胡同|桥(?![栏墩面洞])|隧道|立交|期|区|苑|园|城|府|邸|湾|(?<!夜)里|院|庄|村口|村(?!民)|社区|仓库|厂"
    r"|码头|沙滩|浴场|水库|号楼|号|栋|幢|座|单元|层|楼(?![道顶梯上下板房盘里管])|室|户(?!外)|门口|旁边|对面|附近|南门|北门|东门|西门|后面|前面"
    r"|东侧|西侧|南侧|北侧|东头|西头|村头))"
)
_TAIL = re.compile(rf"(?:[的与和、至到]?{_DETAIL}){{1,6}}")
_ADDRESS = re.compile(
    r"[一-鿿]{2,8}?(?:小区|花园|公寓|大厦|广场|家园|公馆|社区|新村|苑|府|郡|墅|大道|路|街)"
    r"(?:(?:与|和|跟|到|、)?[一-鿿]{2,6}(?:路|街|大道))?"
    r"(?:交叉口|路口|[A-Za-z0-9一二三四五六七八九十]{1,5}(?:号楼|号|栋|幢|座|期|单元|楼|室|户|-\d+)){0,4}"
    r"(?:门口|对面|旁边|附近|南门|北门|东门|西门|[东西南北]侧)?"
)
_VAGUE = re.compile(
    r"^(?:我们?|俺们?|咱们?|们|这个?|那个?|本|该|某|整个|隔壁|旁边|楼下|小区|在|从|到|就|都|有|是|去|说|请问|附近|修|走|过|开|条"
    r"|城市[东西南北]边的|路|没|不|把|被|让|你们?|他们?|城市|道|马|公|铁|网|思|出|门|一|破|烂|坏|段)+(?:小区|社区|大厦|广场|路|街|苑|大道|公寓|花园)"
)
_LEAD = re.compile(r"^(?:地址|地点|位置|就|是|我|俺|家|住|人|在|位于|青岛市?|崂山区?|改成|应该)+(?=.{3})")
_ROADLIKE = re.compile(
    r"^[东西南北中]?[一二三四五六七八九]?(?:路|街|大道|桥|河|站|水库|小学|中学|医院|山|茶|樱桃|银行|小区|花园)"
)
_DENIED = re.compile(r"(?:不是|不在|不对|不属于?|不归|并非|而不是|搞错了)[^,。;!?是]{0,3}$")
# An estate called after its community: 惠都小区 is in 惠都社区. A family's name before it is any family's.
_ESTATES = ("小区", "花园", "家园", "新村", "公寓")
_JOINED = re.compile(r"(?:社区|村)?[和与跟同到、]")
_BETWEEN = re.compile(r"(?:社区|村)?的?(?:中间|之间|交界|交接|搭界|两边)")


@dataclass(frozen=True)
class Place:
    """What a text says of a place.

    Attributes:
        text: the words of the message that name it, empty when it names none.
        street: one of the district's streets, or None.
        community: one of the street's communities, or None.
        grid: the grid's code, or None.
        candidates: ``{"street", "community"}`` of each reading when the words fit several.
        outside: the message names a place outside the district and none inside.
        precise: a worker could go there: more than the bare name of a street.
    """

    text: str = ""
    street: str | None = None
    community: str | None = None
    grid: str | None = None
    candidates: tuple[dict[str, str], ...] = field(default=())
    outside: bool = False
    precise: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Returns the place as plain JSON values."""
        return asdict(self) | {"candidates": list(self.candidates)}


@dataclass(frozen=True)
class _Name:
    street: str
    community: str | None
    weight: int


@dataclass(frozen=True)
class _Mention:
    start: int
    end: int
    name: _Name


class PlaceResolver:
    """Finds and resolves places; immutable after loading, so threads may share it."""

    def __init__(
        self,
        names: dict[str, list[_Name]],
        bare: set[str],
        after: dict[str, dict[str, _Name]],
        outside: re.Pattern[str],
    ) -> None:
        """Takes the names, the bare ones among them, and by street those that count only right after its name."""
        self._names, self._bare, self._outside = names, bare, outside
        self._after = {
            street: (re.compile(f"[ ,的]?({'|'.join(map(re.escape, sorted(own, key=len, reverse=True)))})"), own)
            for street, own in after.items()
        }
        ordered = sorted(names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))

    @classmethod
    def load(cls, nlu_data: Path) -> "PlaceResolver":
        """Reads ``places/*.csv`` below ``nlu_data``; raises ``ValueError`` naming file and line of a bad row."""
        folder = nlu_data / "places"
        names: dict[str, list[_Name]] = {}
        bare: set[str] = set()
        after: dict[str, dict[str, _Name]] = {}
        streets = set()
        for _, row in _rows(folder / "streets.csv"):
            streets.add(row["street"])
            for name in (row["street"], *_split(row["aliases"])):
                names.setdefault(normalise(name), []).append(_Name(row["street"], None, 1))
        for line, row in _rows(folder / "communities.csv"):
            if row["street"] not in streets:
                raise ValueError(f"{folder / 'communities.csv'}:{line}：没有这个街道 {row['street']!r}")
            cls._add_community(row, names, bare)
            if row["bare"] == "否":
                stem = _stem(row["community"])
                after.setdefault(row["street"], {})[stem] = _Name(row["street"], row["community"], 3)
        for line, row in _rows(folder / "landmarks.csv"):
            if row["street"] not in streets:
                raise ValueError(f"{folder / 'landmarks.csv'}:{line}：没有这个街道 {row['street']!r}")
            for name in (row["name"], *_split(row["aliases"])):
                names.setdefault(normalise(name), []).append(_Name(row["street"], row["community"] or None, 2))
        outside = [_outside(row) for _, row in _rows(folder / "outside.csv")]
        return cls(names, bare, after, re.compile("|".join(outside)))

    @staticmethod
    def _add_community(row: dict[str, str], names: dict[str, list[_Name]], bare: set[str]) -> None:
        full = row["community"]
        stem = _stem(full)
        known = _Name(row["street"], full, 4)
        for name in (full, f"{stem}社区", f"{stem}村", f"{stem}居委会", *_split(row["aliases"])):
            if known not in names.setdefault(name, []):
                names[name].append(known)
        if not row["bare"] and len(stem) >= 2 and stem not in names:
            names[stem] = [_Name(row["street"], full, 3)]
            bare.add(stem)
            for estate in () if stem.endswith("家") else _ESTATES:
                names.setdefault(stem + estate, []).append(known)

    def words(self) -> list[str]:
        """Returns every name and alias, for a word segmenter's dictionary."""
        return sorted(self._names)

    def communities(self) -> dict[str, list[str]]:
        """Returns the communities of each street, in the order of the tables."""
        found: dict[str, list[str]] = {}
        for name in (name for meanings in self._names.values() for name in meanings):
            own = found.setdefault(name.street, [])
            if name.community and name.community not in own:
                own.append(name.community)
        return found

    def resolve(self, text: str) -> Place:
        """Returns the place that ``text`` names; an empty ``Place`` when it names none."""
        plain = normalise(text)
        mentions = list(self._mentions(plain))
        if not mentions:
            address = _address(plain)
            outside = bool(self._outside.search(plain))
            return Place(text=address or (plain if outside else ""), outside=outside, precise=bool(address))
        return self._decide(plain, mentions)

    def nameless(self, plain: str) -> str:
        """Returns a text in normal form without the names of places."""
        return self._pattern.sub("", plain)

    def _mentions(self, plain: str) -> Iterator[_Mention]:
        for found in self._pattern.finditer(plain):
            word, start, end = found.group(), found.start(), found.end()
            if word in self._bare and len(word) < 4 and _ROADLIKE.match(plain[end : end + 4]):
                continue
            if _DENIED.search(plain[max(0, start - 8) : start]):
                continue
            for name in self._names[word]:
                yield _Mention(start, end, name)
                if name.weight == 1:
                    yield from self._right_after(plain, start, end, name.street)

    def _right_after(self, plain: str, start: int, end: int, street: str) -> Iterator[_Mention]:
        pattern, own = self._after.get(street, (None, {}))
        found = pattern.match(plain, end) if pattern else None
        if not found or _ROADLIKE.match(plain[found.end() : found.end() + 4]):
            return
        longer = self._pattern.match(plain, found.start(1))
        if not longer or longer.end() <= found.end():
            yield _Mention(start, found.end(), own[found.group(1)])

    def _decide(self, plain: str, mentions: list[_Mention]) -> Place:
        streets = [m.name.street for m in mentions if m.name.community is None and m.name.weight == 1]
        best = max(m.name.weight for m in mentions)
        top = [m for m in mentions if m.name.weight == best]
        within = [m for m in top if m.name.street in streets] or top
        text = _span(plain, mentions)
        readings = [] if _between(plain, within) else _last_clear(within)
        readings = readings or list(dict.fromkeys((m.name.street, m.name.community) for m in within))
        if len(readings) > 1:
            candidates = tuple({"street": street, "community": community or ""} for street, community in readings)
            same_street = {street for street, _ in readings}
            street = same_street.pop() if len(same_street) == 1 else None
            return Place(text, street, candidates=candidates, precise=len(text) > len(top[0].name.community or "") + 2)
        street, community = readings[0]
        named = max((m.end - m.start for m in mentions if m.name.weight == 1), default=0)
        return Place(text, street, community, precise=bool(community) or len(text) > named)


def _last_clear(mentions: list[_Mention]) -> list[tuple[str, str | None]]:
    """Returns the reading of the last mention that has only one: in 张村那边，郑张社区 the second is meant."""
    readings: dict[int, set[tuple[str, str | None]]] = {}
    for mention in mentions:
        readings.setdefault(mention.start, set()).add((mention.name.street, mention.name.community))
    clear = [found for found in readings.values() if len(found) == 1]
    return list(clear[-1]) if clear else []


def _between(plain: str, mentions: list[_Mention]) -> bool:
    """Tells whether the message says 甲和乙中间: neither is meant alone."""
    pairs = pairwise(mentions)
    return any(_JOINED.fullmatch(plain, a.end, b.start) and _BETWEEN.match(plain, b.end) for a, b in pairs)


def _stem(community: str) -> str:
    return re.sub("(社区|村)$", "", community)


def _outside(row: dict[str, str]) -> str:
    """Returns the pattern of a district outside: its name, or the name without 区 right before one of its places."""
    places = "|".join(map(re.escape, _split(row["places"])))
    short = re.escape(row["name"].removesuffix("区"))
    return re.escape(row["name"]) + (f"|(?<!城){short}(?:{places})" if places else "")


def _span(plain: str, mentions: list[_Mention]) -> str:
    start = min(m.start for m in mentions)
    end = max(m.end for m in mentions)
    if end - start > 40:
        start = max(m.start for m in mentions)
    tail = _TAIL.match(plain, end)
    return plain[start : tail.end() if tail else end].strip(" ,的")


def _address(plain: str) -> str:
    for found in _ADDRESS.finditer(plain):
        address = _LEAD.sub("", found.group())
        if not _VAGUE.match(address):
            return address
    return ""


def _split(aliases: str) -> list[str]:
    return [alias for alias in aliases.split(";") if alias]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields line number and row of a CSV file, comments skipped; raises ``ValueError`` on a row of the wrong width."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [(number, line) for number, line in enumerate(file, 1) if line.strip() and not line.startswith("#")]
    header = next(csv.reader([lines[0][1]]))
    for number, line in lines[1:]:
        cells = next(csv.reader([line]))
        if len(cells) != len(header):
            raise ValueError(f"{path}:{number}：应有 {len(header)} 列，实有 {len(cells)} 列")
        yield number, dict(zip(header, (cell.strip() for cell in cells), strict=True))
