"""People's names in a message: by the words around them, and by what the segmenter takes for a name."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, pairwise

from api.settings import get_settings
from api.triage.service import get_places
from classifier.facts import find_facts

_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛范彭郎鲁韦昌马苗方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安"
    "常于时傅卞齐康伍余元顾孟黄穆萧尹姚邵湛汪祁毛狄米戴宋庞熊纪舒屈项祝董梁杜阮蓝闵季贾江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘解应宗丁宣邓"
    "单杭洪包左石崔吉龚程邢裴陆翁荀惠曲封储靳焦牧侯全班仲宫宁仇甘厉祖武符刘景詹龙叶司黎薄白蒲赖卓蔺屠池乔胥苍闻党谭申辛冉牛燕尚温庄柴瞿阎连习艾逄矫綦肖闫付代关游涂饶巩佟覃欧简丘桑卜晏冀敖麦耿岳牟臧栾苗阚亓隋邴冷"
)
_DOUBLE = "欧阳|司马|上官|诸葛|慕容|司徒|令狐|皇甫|尉迟|公孙|东方|夏侯|端木"
# A given name rarely holds one of these; words that only begin like a name do.
_GIVEN = r"(?:(?![的了在是有说不也就都和跟把被给让到去来没个我你他她家这那吗呢吧啊很太要会能可与或及为以从向])[一-鿿])"
_NAME = rf"(?:(?:{_DOUBLE}){_GIVEN}{{1,2}}|[{_SURNAMES}]{_GIVEN}{{1,2}}?)"
_DOES = (
    "[的和跟是在把被给说住等与及占打骂骗养堵砸拉欠偷抢拖收卖租踢推不没老也就]|家|一家|两口子|反映"
    "|投诉|举报|态度|本人|电话|手机|天天|承诺|威胁|半夜|晚上|昨天|今天|吵|一直|经常"
)
_END = rf"(?=[^一-鿿]|$|{_DOES})"
_TITLES = (
    "先生|女士|小姐|师傅|大爷|大妈|大娘|大叔|大姐|大哥|大嫂|阿姨|奶奶|爷爷|叔叔?|婶|嫂|老师|同志|医生|大夫|护士|律师|经理|老板|会计|教练|校长|园长|院长|主任|书记|村长|科长"
    "|处长|局长|镇长|区长|所长|队长|站长|警官|法官|工(?=[程说来在])|总(?![是算额量体之要有部数价共会得该工站台公书务])"
)
# Words after which a name stands.
_CUES = (
    "同事|老板娘|法人(?:代表)?|户名[:是 ]*|[被让找跟请给](?=[一-鿿]{2,3})|邻居家?的?|业主|住户"
    "|租户|租客|房东|房主|户主|老板|村民|店主|司机|医生|护士|老师|学生|骑手"
    "|外卖员|包工头|保安|前台|物业|会计|举报|投诉|转告|联系|代表|代"
    "|姓名[:是为 ]*|名字[叫是:]*|名叫|叫做?|我是|本人|我(?=[一-鿿]{2,3}[,，])|反映人[:是 ]*"
    "|联系人[:是 ]*|投诉人[:是 ]*|被投诉人[:是, ]*"
    "|(?:我|俺)?(?:孩子|小孩|儿子|女儿|闺女|老公|老婆|媳妇|爱人|丈夫|妻子|父亲|母亲|爸爸?|妈妈?|爷爷|奶奶|哥|弟|姐|妹)(?:叫|名叫)?|抬头开成|不是"
)
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        # 我叫阿依古丽, 叫{two to four characters}
        rf"(?:我叫|名叫|姓名[:是为 ]|本人叫)({_GIVEN}{{2,4}})(?=[,。，！!;； ]|$)",
        rf"(?:{_CUES})[:：, ]?({_NAME}){_END}",
        # The one who lives there: 3号楼的孙丽华
        rf"(?:楼|栋|幢|单元|室|号|住户|业主)的?({_NAME})(?=[,，。]|$|的)",
        # A name beside a number
        rf"({_NAME})(?=[,， :(（]{{0,2}}(?:的?(?:电话|手机|联系方式|身份证)|\+?86|1[3-9]\d))",
        # At the very beginning, and set off: 宋玉梅，女
        rf"^({_NAME})(?=[,， ](?:男|女|电话|身份证|住|家住|我住))",
        rf"(?:^|[,，。 和跟])((?:小|老)(?![时于])[{_SURNAMES}])(?=[和跟、两俩])",
        rf"(?:我|免贵|本人)?(?<!不)姓([{_SURNAMES}])(?![一-鿿]{{2}})",
        rf"(?<![一-鿿])((?:小|老)[{_SURNAMES}])(?=头|家|他|她|说|[,，。]|你好|$)",
        rf"(?:前台|保安|保洁|网格员|师傅|管家|客服|邻居|会计|电工)((?:小|老)[{_SURNAMES}])",
        rf"((?:小|老)(?![石黄毛房高白康时常安])[{_SURNAMES}])(?=[说家打你他她]|头(?:偷|家))",
    )
)
# A clause that begins with who does it.
_CLAUSE = re.compile(rf"(?:^|[,，。;；!！ ])({_NAME})(?=[占打骂骗养堵砸欠偷抢拖不把在]|家|天天|老在|半夜|承诺|威胁)")
_TITLED = re.compile(rf"([{_SURNAMES}](?:{_GIVEN}{{1,2}})??)(?={_TITLES})")
# What begins like a name and is none.
_NO_NAME = re.compile(
    r"方式|方法|方便|全体.*|全部|全家|应急|应该.?|单位|单元.*|常用|常年|常住|常客|时间|时候|时常|谢谢.?|房东|房客|房主|房子|司机|司法|施工.*|安全.*|安保.*|安装.?"
    r"|管家|管理.*|管道.*|党员|党支部|包工头?|包租.*|程序.*|向导|祖籍|祝您|元涨.|符合.?|费.[季年月]|孙[女子辈].*|马上|马路|于是|何时|何地|左右|左边|高层|高速.*|高低|金额|费用|许多|许可.?|温馨|万一|石老人|东边"
    r"|时代|家人|成员|任何.?|水电|和谐|严重|明显|白天|白色|路过|项目.?|毛病|黄山|黄色|黄线|张村.?|支书|支持.?|强烈|郑重|经常|经理|查明|施工|计划|温度|元旦|连续|连夜|解决.?|解释"
    r"|单号|单子|章程|花钱|平时|平安|江边|池塘|田地|牛奶|蓝色|景区|武术|尚未|燃气|文明|宣传|应当|封闭|封路|储物|厉害|祖母|祖父|班车|班主任|宫颈|全国|全市|全区|全村|华为"
    r"|金家岭|林业|林地|海[边水].*|高[考中校].*|康复.*|安静|余额|毕业.?|时速|常见|万多|万块|万元|公交|大家|业主|代表|代理.?|代办|付款|付费|付了.*|盛夏|云南|米饭|童车|华润|支付.?|支路|章子"
    r"|[班时付代全单常包管经]"
    r"|.{1,2}[员者队户商局司店厂村庄区路街站河湾]|.家"
)
_PERSON = ("nr", "nrt", "nrfg")


def names(plain: str, words: list[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """Yields where names stand in ``plain``; of a person with a title only the name.

    Args:
        plain: half-width simplified text.
        words: its words with their part of speech as jieba tells them, in order and without a gap.
    """
    yield from _by_word(words)
    for pattern in _PATTERNS:
        for found in pattern.finditer(plain):
            if not _NO_NAME.fullmatch(found.group(1)) and not _is_place(found.group(1)):
                yield found.span(1)
    yield from (found.span(1) for found in _CLAUSE.finditer(plain) if _could_be(found.group(1)))
    # 由于老师: the surname must begin a word.
    starts = set(accumulate((len(word) for word, _ in words), initial=0))
    for found in _TITLED.finditer(plain):
        if found.start() in starts and _could_be(found.group(1)):
            yield found.span(1)
    for fact in find_facts(plain):
        if fact.kind == "name" and not _NO_NAME.fullmatch(fact.value) and (at := plain.find(fact.value)) >= 0:
            yield at, at + len(fact.value)


def _by_word(words: list[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    at = 0
    for (word, flag), (following, its_flag) in pairwise([*words, ("", "")]):
        if flag in _PERSON and _is_name(word):
            yield at, at + len(word)
        elif word in _SURNAMES and flag in _PERSON and its_flag in (*_PERSON, "nz") and len(following) <= 2:
            yield at, at + 1 + len(following)
        at += len(word)


def _is_name(word: str) -> bool:
    if not 2 <= len(word) <= 4 or not _could_be(word):
        return False
    return (len(word) < 4 and word[0] in _SURNAMES) or (len(word) > 2 and bool(re.match(_DOUBLE, word)))


def _could_be(name: str) -> bool:
    return not (_NO_NAME.fullmatch(name) or _is_place(name) or (len(name) > 1 and name in _ordinary()))


def _is_place(name: str) -> bool:
    return len(name) > 1 and name in _place_names()


@lru_cache
def _place_names() -> str:
    """王哥庄 and 石老人 are not people; a surname alone is part of many places and says nothing."""
    return "\n".join(get_places().words())


@lru_cache
def _ordinary() -> str:
    """Returns the labelled appeals: nobody's name may stand in them, so what does is a word (高峰, 叶子, 顾客)."""
    return "\n".join(file.read_text("utf-8") for file in sorted((get_settings().nlu_data / "appeals").glob("*.csv")))
