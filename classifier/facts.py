"""What a message says of its sender: phone, name, wish for anonymity. By rules: a wrong number is seen as wrong."""

import re
from dataclasses import dataclass

import phonenumbers

from classifier.text import normalise

_HAN_DIGITS = str.maketrans("零〇一二三四五六七八九幺两", "0012345678912")
_DIGIT = r"零〇一二三四五六七八九幺两\d"
_SPOKEN = re.compile(rf"[{_DIGIT}][{_DIGIT} \-]{{8,}}[{_DIGIT}]")
_DIGITS = re.compile(r"(?<![\dA-Za-z])(?:\+?86[ \-]?)?(\d[\d \-]{5,16}\d)(?![\dA-Za-z])")
_MEANT = re.compile(r"(?:电话|手机|号码|联系方式|打给?我|联系我|拨打?|微信同号)[^\d]{0,8}$")
_DENIED = re.compile(
    r"(?:不是|不要|别|不用|错的?(?:是|号)?|写成(?:了)?|原来(?:的)?(?:是)?|之前(?:的)?(?:是)?|旧(?:的)?(?:号)?(?:是)?)(?:打|用)?[^\d,。;]{0,6}$"
)
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭郎鲁韦昌马苗方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安"
    "常于时傅卞齐康伍余元顾孟黄穆萧尹姚邵湛汪祁毛狄米戴宋庞熊纪舒屈项祝董梁杜阮蓝闵季贾江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘解应宗丁宣邓"
    "单杭洪包左石崔吉龚程邢裴陆荣翁荀惠曲封储靳焦牧侯全班仰仲宫宁仇甘厉祖武符刘景詹龙叶司黎薄白蒲从索赖卓蔺屠池乔胥苍双闻党谭申辛冉牛燕尚温庄柴瞿阎连习艾"
)
_TITLES = "先生|女士|小姐|师傅|大爷|大妈|阿姨|叔叔?|经理|总|老师|同志|大姐|大哥|老板"
_TITLE = re.compile(
    rf"(?<![一-鿿])(?:我?是|我?姓|联系人[:是 ]|叫我?|称呼[:是]?)?([{_SURNAMES}][一-鿿]{{0,2}}?)"
    rf"({_TITLES})(?![一-鿿]{{2}})"
)
_CONTACT = re.compile(
    rf"(?<!被)(?:联系|反[映应]|投诉|举报)人(?:姓名)?[是为: ]*([{_SURNAMES}][一-鿿]{{0,2}}?)"
    rf"({_TITLES}|主任|书记|医生|大夫)(?![一-鿿])"
)
_WHO = "村民|居民|业主|住户|家长|租户|职工|工人|群众|市民|游客|学生|联系人|反映人|反应人|投诉人|举报人"
_PHONE_NEXT = r"[ ,:(]{0,3}(?:的?(?:联系|手机|本人)?(?:电话|手机|号码|联系方式)|\+?86 ?1|1[3-9]\d)"
# 村民 王德顺 电话…, 联系人于明135…
_BESIDE_PHONE = re.compile(rf"(?<!被)(?:{_WHO})(?:姓名)?[是叫: ]*([{_SURNAMES}][一-鿿]{{1,2}})(?={_PHONE_NEXT})")
# 我是3号楼的李桂兰
_I_AM = re.compile(
    rf"我是[一-鿿A-Za-z0-9\-]{{1,18}}?(?:的|{_WHO})([{_SURNAMES}][一-鿿]{{1,2}})(?=[,。!;? ]|$|{_PHONE_NEXT})"
)
# Words that begin like a surname; titles and trades; and the names of villages, roads and firms.
_NO_NAME = re.compile(
    r"方式|方法|方便|全体|全部|全家|应急|应该|单位|单元.*|常用|常年|常住|常客|时间|时候|谢谢|房东|房客|房主|司机|司法|施工.*|安全.*|安保"
    r"|管家|管理.*|党员|党支部|包工头|包租.*|程序员|向导|祖籍|孙女|孙子|孙辈|马上|于是|何时|何地|左右|高层|金额|费用|许多|温馨|万一"
    r"|石老人|东边|时代|家人|成员|任何|水电|和谐|严重|明显|白天|路过|项目|毛病|黄山|张村|支书|支持者|强烈|郑重|经常|经理|查明"
    r"|.家|.[家哥戈格泥老岭石].*[庄洼埠沟河村崖口屋寨路岭]|.{1,2}[员者队户商局司店厂村庄区路街站]"
)
_CALLED = re.compile(
    rf"(?:我叫|我的名字[叫是]|姓名[:是 ]|(?:本|联系)人姓名|名字[叫是:]|联系人[:是 ]?)\s?"
    rf"([{_SURNAMES}][一-鿿]{{1,2}})(?![一-鿿])"
)
_SURNAMED = re.compile(rf"(?:我|免贵|本人)?(?<!不)姓([{_SURNAMES}])(?:(?=不)|(?![一-鿿]{{3}}))")
_NICKNAME = re.compile(rf"(?:叫我|喊我|称呼我)([小老大阿][{_SURNAMES}])(?![一-鿿]{{3}})")
_RENAMED = re.compile(
    rf"(?:名字|姓名|称呼|姓)(?:写|填|说|打|记|弄|叫)?错了?[,。 ]*(?:应该)?(?:是|叫|姓)?"
    rf"([{_SURNAMES}][一-鿿]{{0,2}}?)(?=[,。!了吧]|$)"
    rf"|不(?:是|姓|叫)[一-鿿]{{1,4}}[,。 ]*(?:而|应该)?(?:是|姓|叫)"
    rf"([{_SURNAMES}](?:[一-鿿]{{1,2}}?)?(?:{_TITLES})?)(?=[,。!了吧]|$)"
)
_MEANS_A_NAME = re.compile(rf"不(?:姓|叫)|不是[一-鿿]{{1,3}}(?:{_TITLES})|(?:{_TITLES})(?=[,。!了吧]|$)")
_ANONYMOUS = re.compile(
    r"(?<!不)(?<!不用)(?<!不要)(?<!不想)(?<!不再)(?<!别)(?<!取消)匿名|不(?:想|愿意?|要|用|方便)?(?:实名|署名|留名|具名)"
    r"|(?:别|不要|不能|不想|不愿意?)(?:让人?|被|叫)?.{0,4}知道(?:是)?我"
    r"|(?:别|不要|不想|不能)(?:公开|暴露|透露|泄露)我?(?:的)?(?:姓名|名字|身份|信息)"
    r"|为我保密|替我保密|要保密"
)


@dataclass(frozen=True)
class Found:
    """One fact and where it stands in the normalised text.

    Attributes:
        kind: ``phone``, ``bad_phone``, ``name`` or ``anonymous``.
        value: the fact in its normal form.
        start: first character.
        end: one past the last character.
    """

    kind: str
    value: str
    start: int
    end: int


def valid_phone(digits: str) -> bool:
    """Tells whether ``digits`` is a mobile or landline number that can exist in mainland China."""
    if re.fullmatch(r"1[3-9]\d{9}", digits):
        return True  # phonenumbers lags behind newly opened mobile ranges
    if not re.fullmatch(r"0\d{9,11}|[2-9]\d{7}", digits):
        return False
    local = digits if digits.startswith("0") else f"0532{digits}"
    return phonenumbers.is_valid_number(phonenumbers.parse(local, "CN"))


def find_facts(text: str) -> list[Found]:
    """Returns the facts in ``text`` in reading order; positions count in ``normalise(text)``."""
    plain = normalise(text)
    found = list(_phones(plain))
    found += [Found("anonymous", "匿名", m.start(), m.end()) for m in [_ANONYMOUS.search(plain)] if m]
    name = _name(plain)
    return sorted([*found, name] if name else found, key=lambda fact: fact.start)


def _phones(plain: str) -> list[Found]:
    phones, bad = [], []
    for match in [*_DIGITS.finditer(plain), *_SPOKEN.finditer(plain)]:
        spoken = match.re is _SPOKEN
        raw = match.group(0) if spoken else match.group(1)
        digits = re.sub(r"\D", "", raw.translate(_HAN_DIGITS))
        digits = digits[2:] if digits.startswith("86") and len(digits) == 13 else digits
        if valid_phone(digits):
            phones.append(Found("phone", digits, match.start(), match.end()))
        elif not spoken and (_MEANT.search(plain[: match.start()]) or re.fullmatch(r"1[3-9]\d{8}\d{0,4}", digits)):
            bad.append(Found("bad_phone", digits, match.start(), match.end()))
    # 不是138…是139…: of several numbers the one that is denied is left out.
    meant = [fact for fact in phones if not _DENIED.search(plain[: fact.start])] if len(phones) > 1 else phones
    unique = list({fact.value: fact for fact in meant or phones}.values())
    return unique or bad


def _name(plain: str) -> Found | None:
    for pattern in (_NICKNAME, _RENAMED, _CALLED, _CONTACT, _BESIDE_PHONE, _I_AM, _TITLE, _SURNAMED):
        match = pattern.search(plain)
        if match and (name := _named(match)):
            return Found("name", name, *match.span(match.lastindex or 0 if pattern in (_RENAMED, _I_AM) else 0))
    return None


def _named(match: re.Match[str]) -> str:
    """Returns the name that a pattern has found, empty when its words are none."""
    name = "".join(filter(None, match.groups()))
    if match.re is _RENAMED and match.group(2) and not _MEANS_A_NAME.search(match.group(0)):
        return ""
    return "" if match.re in (_CALLED, _BESIDE_PHONE, _I_AM) and _NO_NAME.fullmatch(name) else name
