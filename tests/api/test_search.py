"""Full-text search: what is found, on both databases alike, by whom, and until when."""

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from api import crypto
from api.accounts.deps import SYSTEM, Actor
from api.accounts.models import Role
from api.cases.filing import Filing, file_case
from api.cases.listing import CaseFilter, list_cases
from api.cases.models import Case, CaseWords
from api.cases.moves import apply_action
from api.cases.override import Override, override_triage
from api.cases.words import document, phrases
from api.privacy.erasure import erase_case
from api.privacy.rekey import rotate
from api.settings import get_settings
from api.triage.service import get_places, get_taxonomy

ADMIN = Actor("staff", "a", Role.ADMIN)


@pytest.fixture
def tell(sessions, fixed, clock):
    """Files a case and gives back its number; its class says nothing of 路灯."""
    fixed.category, fixed.subcategory = "环境保护", "噪音污染"

    def make(story: str, place: str | None = None) -> str:
        with sessions.begin() as db:
            filing = Filing(story, place, "王小明", "13800000001", False, "web", None)
            return file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)[0].no

    return make


@pytest.fixture
def found(sessions, make_user, clock):
    """Looks for something as an administrator: the numbers of what is found, newest first."""
    admin = make_user(Role.ADMIN)

    def look(wanted: str) -> list[str]:
        with sessions() as db:
            cases, total = list_cases(db, admin, CaseFilter(q=wanted), clock.now)
            assert total == len(cases)
            return [case.no for case in cases]

    return look


@pytest.fixture
def act(sessions, clock):
    """Does something to a case by its number."""

    def do(no: str, action: str, **fields: object) -> None:
        with sessions.begin() as db:
            case = db.scalars(select(Case).where(Case.no == no)).one()
            case.level = "区"
            apply_action(db, case, action, ADMIN, clock.now, **fields)

    return do


@pytest.mark.parametrize(
    "wanted",
    [
        "路灯",
        "路灯坏了",
        "坏",
        "了",
        "3号楼",
        "楼2单元",
        "2单元",
        "WIFI",
        "wif",
        "ＷＩＦＩ",
        "路燈壞了",
        "路灯  单元",
        "路灯，单元",
        "𠮷野家",
        "没信号",
    ],
)
def test_part_of_the_story_finds_it(tell, found, wanted):
    no = tell("3号楼2单元的路灯坏了，wifi没信号，就在𠮷野家。")
    tell("楼上漏水，路边有井盖响，野家没坑，灯亮着，单号楼")
    assert no in found(wanted)
    if len(wanted) > 1:
        assert found(wanted) == [no]


@pytest.mark.parametrize("wanted", ["路坏", "坏灯", "灯路", "号楼3", "ifi", "wi", "漏水", "路灯 漏水", "坏了wifi坏了"])
def test_what_does_not_stand_there_does_not(tell, found, wanted):
    tell("3号楼的路灯坏了，wifi也是")
    assert found(wanted) == []


def test_number_class_and_place_find_it_newest_first(tell, found):
    first, second = tell("灯不亮", "中韩街道枯桃社区"), tell("不亮", "枯桃社区")
    day, order = second.removeprefix("LX").split("-")
    for wanted in ("枯桃", "噪音污染", "环境保护 枯桃", day, f"LX{day}"):
        assert found(wanted) == [second, first], wanted
    for wanted in (second, second.lower(), f"{day}-{order}", order):
        assert found(wanted) == [second], wanted


ODDITIES = (
    *(
        "%",
        "_",
        "'",
        '"',
        "''''",
        '"路灯',
        "路灯' | '",
        "a AND",
        "NOT",
        "NEAR(路灯 坏了)",
        "路灯*",
        "路灯:*",
        "<->",
        "(",
    ),
    *("words:路灯", "^路灯", "😀", "路灯😀", "\\", "-路灯", "+", "k000000000000", "灯" * 200, "啊 " * 100, "\x00"),
)


@pytest.mark.parametrize("wanted", ODDITIES)
def test_operators_and_oddities_are_harmless(tell, found, wanted):
    no = tell("路灯坏了")
    plain = "".join(char for char in wanted if char not in "*:^-😀\"' |")
    assert found(wanted) == ([no] if plain == "路灯" else [])


@given(st.text(max_size=200))
def test_every_text_is_a_search_for_letters_and_digits_only(text_):
    for phrase in phrases(text_):
        assert phrase.tokens
        assert all(token and token.isalnum() and len(token) <= 64 for token in phrase.tokens)


@given(st.text(alphabet="路灯坏了3a，。 ", min_size=1, max_size=30), st.data())
def test_a_part_of_a_text_is_a_row_of_its_tokens(story, data):
    start = data.draw(st.integers(0, len(story) - 1))
    wanted = story[start : data.draw(st.integers(start + 1, len(story)))]
    tokens = document("LX1", "c", "s", story, None, None, None, None, "d", [])
    for phrase in phrases(wanted):
        if phrase.tokens[0].isascii() or phrase.tokens[-1].isascii():
            continue  # words and numbers are found whole: part of one is none
        told, asked = " ".join(["", *tokens]), " ".join(["", *phrase.tokens])
        assert (asked if phrase.begun else f"{asked} ") in f"{told} "


def test_an_answer_is_found_and_nothing_of_it_can_be_read(tell, found, act, sessions):
    no = tell("停水")
    for action, fields in (("受理", {}), ("派单", {}), ("接单", {}), ("反馈", {"answer": "请找张建国，阀门已更换"})):
        act(no, action, **fields)
    assert found("阀门") == found("阀门已更换") == found("张建国") == [no]
    assert found("门阀") == found("更换阀门") == []
    with sessions() as db:
        kept = db.scalar(text("SELECT CAST(words AS TEXT) FROM case_words"))
    assert "阀" not in kept
    assert "建国" not in kept
    act(no, "退回重办", reason="没有修好")
    assert found("阀门") == []


def test_phone_and_name_are_not_among_it(tell, found):
    tell("打 13800000001 找我")
    assert found("王小明") == found("13800000001") == []


def test_what_changes_is_found_anew(tell, found, sessions, clock):
    no = tell("太吵")
    with sessions.begin() as db:
        case = db.scalars(select(Case)).one()
        wish = Override(category="城乡建设", subcategory="路灯照明", reason="夜里")
        override_triage(db, case, wish, ADMIN, clock.now, get_taxonomy())
    assert (found("路灯照明"), found("噪音污染")) == ([no], [])
    with sessions.begin() as db:
        db.scalars(select(Case)).one().place_text = "松岭路口"
    assert found("松岭") == [no]


def test_the_erased_are_not_found_by_their_words(tell, found, act, sessions, clock):
    no = tell("张建国家漏水", "松岭路")
    act(no, "不予受理", reason="重复")
    with sessions.begin() as db:
        erase_case(db, db.scalars(select(Case)).one(), clock.now, SYSTEM, "本人申请")
    assert found("建国") == found("松岭") == []
    assert found(no) == [no]


def test_new_keys_find_the_old_answers(tell, found, act, sessions, monkeypatch):
    no = tell("停水")
    for action, fields in (("受理", {}), ("派单", {}), ("接单", {}), ("反馈", {"answer": "阀门已更换"})):
        act(no, action, **fields)
    old, new = get_settings().data_keys.get_secret_value(), Fernet.generate_key().decode()

    def use(keys: str) -> None:
        monkeypatch.setenv("LAOXIAN_DATA_KEYS", keys)
        for cached in (get_settings, crypto._keys, crypto._fernet):
            cached.cache_clear()

    try:
        use(f"{new},{old}")
        assert found("阀门") == [no]
        rotate(sessions, lambda _done: None)
        use(new)
        assert found("阀门") == [no]
    finally:
        use(old)


def test_only_what_one_may_see(client, tell, sign_in):
    tell("路灯坏了", "中韩街道")
    for street, sees in (("中韩街道", 1), ("沙子口街道", 0)):
        headers = sign_in(Role.SUPERVISOR, street=street)
        assert client.get("/api/v1/cases", params={"q": "路灯"}, headers=headers).json()["total"] == sees
    assert client.get("/api/v1/cases", params={"q": "x" * 10_000}, headers=headers).status_code == 422


def test_a_case_deleted_by_hand_takes_its_words_along(tell, sessions):
    """SQLite's index is another table: it must follow."""
    tell("路灯坏了")
    with sessions.begin() as db:
        db.execute(update(CaseWords).values(words=["别的"]))
        if db.get_bind().dialect.name == "sqlite":
            db.execute(text("INSERT INTO case_words_index(case_words_index) VALUES ('integrity-check')"))
        db.execute(text("DELETE FROM case_words"))
        if db.get_bind().dialect.name == "sqlite":
            db.execute(text("INSERT INTO case_words_index(case_words_index) VALUES ('integrity-check')"))
            assert db.scalar(text("SELECT count(*) FROM case_words_index WHERE case_words_index MATCH '别的'")) == 0


def test_a_handler_finds_what_has_come_to_them(client, tell, act, sign_in):
    no = tell("路灯坏了", "中韩社区")
    old, new, helper = "市生态环境局崂山分局", "区住房和城乡建设局", "区卫生健康局"

    def sees(department: str) -> list[str]:
        headers = sign_in(Role.HANDLER, department=department)
        return [one["no"] for one in client.get("/api/v1/cases", params={"q": "路灯"}, headers=headers).json()["items"]]

    act(no, "受理")
    act(no, "派单", department=old, co_departments=[])
    assert (sees(old), sees(new), sees(helper)) == ([no], [], [])
    act(no, "改派", department=new, co_departments=[helper], reason="职责")
    assert (sees(old), sees(new), sees(helper)) == ([], [no], [no])


def test_common_words_bring_the_same_as_rare_ones(client, tell, sign_in, monkeypatch):
    monkeypatch.setattr("api.cases.listing.COUNTED", 1)
    numbers = [
        tell(f"路灯坏了{one}", place) for one, place in (("甲", "中韩街道"), ("乙", "沙子口街道"), ("丙", "中韩街道"))
    ]
    for scope, expected in (({}, numbers[::-1]), ({"street": "中韩街道"}, [numbers[2], numbers[0]])):
        headers = sign_in(Role.SUPERVISOR, **scope)
        shown = client.get("/api/v1/cases", params={"q": "路灯"}, headers=headers).json()
        assert ([one["no"] for one in shown["items"]], shown["total"]) == (expected, 2)


def test_before_a_number_comes_what_is_older(tell, client, sign_in):
    numbers = [tell(f"第{one}件") for one in "一二三四"]
    headers = sign_in(Role.ADMIN)
    wanted = {"before": numbers[2], "page_size": 1}
    shown = client.get("/api/v1/cases", params=wanted, headers=headers).json()
    assert [one["no"] for one in shown["items"]] == [numbers[1]]
    nothing = client.get("/api/v1/cases", params={"before": "LX20200101-00001"}, headers=headers).json()
    assert nothing["items"] == []


def test_counting_stops(tell, client, sign_in, monkeypatch):
    monkeypatch.setattr("api.cases.listing.COUNTED", 2)
    monkeypatch.setattr("api.cases.routes.COUNTED", 2)
    headers = sign_in(Role.ADMIN)
    for total, more in ((1, False), (2, False), (2, True), (2, True)):
        tell("路灯坏了")
        shown = client.get("/api/v1/cases", headers=headers).json()
        assert (shown["total"], shown["more"]) == (total, more)
    assert len(shown["items"]) == 4
