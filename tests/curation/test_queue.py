"""The queue: what comes in and why, who gets it, what two answers come to, undo, erasure."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from api.accounts.deps import SYSTEM, Actor
from api.cases.moves import apply_action
from api.cases.override import Override, override_triage
from api.chat.lines import Line
from api.chat.models import BOT, RESIDENT, ChatMessage, ChatSession
from api.chat.store import append, token_digest
from api.curation import service
from api.curation.gather import for_two, gather
from api.curation.labels import Label
from api.curation.models import CurationItem, CurationResponse
from api.curation.rules import get_curation, load_curation
from api.errors import Problem
from api.privacy.erasure import erase_case
from api.settings import REPO
from api.triage.service import get_taxonomy, get_triager
from classifier.taxonomy import RuleError
from classifier.triage import Triager
from tests.conftest import FixedTriager
from tests.curation.conftest import LIGHTS, NOISE, case_of, item_of

SINGLE = replace(get_curation(), two_person_percent=0)
DOUBLE = replace(get_curation(), two_person_percent=100)


def answer(db, user, no, label, clock):
    item = service.respond(db, user, item_of(db, no).id, label, get_taxonomy(), clock.now)
    db.commit()
    return item


def test_a_doubtful_case_comes_in_once_without_personal_data(file, fill, db):
    no = file("我叫王小明，住3号楼2单元501，电话13812345678，阿依古丽家旁边的路灯灭了", name="阿依古丽")
    assert fill() == 1
    assert fill() == 0
    item = item_of(db, no)
    assert item.text == "我叫〔姓名〕，住〔门牌〕，电话〔电话〕，〔姓名〕家旁边的路灯灭了"
    assert "unsure" in item.reasons
    assert (item.suggestion["category"], item.suggestion["confidence"]["category"]) == ("城乡建设", 0.3)
    assert len(item.candidates) == 9
    assert item.candidates[0]["probability"] >= item.candidates[-1]["probability"]


def test_a_sure_case_stays_out_until_a_clerk_corrects_it(file, fill, db, clock):
    no = file("我们这里的路灯又灭了好几盏", triager=FixedTriager())
    assert fill() == 0
    wish = Override(category="环境保护", subcategory="噪音污染", reason="其实是噪声")
    override_triage(db, case_of(db, no), wish, Actor("staff", "x", "clerk"), clock.now, get_taxonomy())
    db.commit()
    assert fill() == 1
    item = item_of(db, no)
    assert item.reasons == ["override"]
    assert item.decided["subcategory"] == "噪音污染"
    assert item.suggestion["subcategory"] == "路灯照明"


def test_a_later_override_joins_the_reasons(file, fill, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill()
    wish = Override(category="环境保护", subcategory="噪音污染", reason="其实是噪声")
    override_triage(db, case_of(db, no), wish, Actor("staff", "x", "clerk"), clock.now, get_taxonomy())
    db.commit()
    fill()
    db.expire_all()
    assert item_of(db, no).reasons[0] == "override"


def test_the_same_words_and_what_is_labelled_already_come_once_and_are_not_read_again(file, fill, db):
    file("巷口那盏灯晚上不亮，摔了两个人")
    file("巷口那盏灯晚上不亮,摔了两个人")
    file("公交半小时不来一趟")  # a training row
    file("物业停车费从150涨到300，业主大会都没开，凭么事？")  # a dev row
    assert fill() == 1
    items = db.scalars(select(CurationItem)).all()
    assert sorted((one.state, bool(one.text)) for one in items) == [("double", False)] * 3 + [("open", True)]


def test_what_the_bot_did_not_understand_comes_in(fill, db, clock):
    session = ChatSession(
        id="s1", token_hash=token_digest("t"), draft_id="d1", last_seq=0, created_at=clock.now, last_seen_at=clock.now
    )
    db.add(session)
    db.flush()
    said = append(db, session, RESIDENT, [Line("那个啥 13812345678 你们晓得的噻")], clock.now)
    append(db, session, BOT, [Line(sorted(get_curation().fell_back)[0])], clock.now, reply_to=said[0].seq)
    db.commit()
    assert fill() == 1
    item = db.scalars(select(CurationItem)).one()
    assert (item.reasons, item.text) == (["fell_back"], "那个啥 〔电话〕 你们晓得的噻")
    assert item.origin == f"message:{db.scalars(select(ChatMessage.id).where(ChatMessage.author == RESIDENT)).one()}"


def test_nobody_waits_while_the_model_works(file, sessions, clock):
    file("巷子里的路灯时亮时灭")
    real = get_triager()

    class Writing:
        """Writes to the database, as a resident would, whenever the model is asked."""

        asked = 0

        def __getattr__(self, name):
            value = getattr(real.encoder, name)
            if name not in ("probabilities_and_embeddings", "embed"):
                return value

            def call(texts):
                Writing.asked += 1
                with sessions.begin() as db:
                    db.execute(update(CurationItem).values(rank=0))
                return value(texts)

            return call

    triager = Triager(real.encoder, real.taxonomy, real.places)
    triager.encoder = Writing()
    assert gather(sessions, triager, SINGLE, clock.now) == 1
    assert Writing.asked >= 2


def test_the_order_is_by_gain_and_survives_another_model(file, fill, sessions, clock, db):
    numbers = [file("巷子里的路灯时亮时灭"), file("那个事到底谁管"), file("楼下夜里放音响吵得睡不着")]
    fill(SINGLE)
    items = [item_of(db, no) for no in numbers]
    assert sorted(one.rank for one in items) == [0, 1, 2]
    assert max(items, key=lambda one: one.gain).rank == 0
    db.execute(update(CurationItem).values(embedding=b"\0\0", embedded_by="older"))
    db.commit()
    fill(SINGLE)
    db.expire_all()
    assert {item_of(db, no).embedded_by for no in numbers} == {get_triager().encoder.version}


def test_one_answer_is_enough_for_most(file, fill, people, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill(SINGLE)
    assert answer(db, people[0], no, LIGHTS, clock).state == "done"
    with pytest.raises(Problem, match="已经有了结论"):
        answer(db, people[1], no, NOISE, clock)
    assert item_of(db, no).label["subcategory"] == "路灯照明"


def test_two_who_agree_settle_it_and_nobody_answers_twice(file, fill, people, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill(DOUBLE)
    assert answer(db, people[0], no, LIGHTS, clock).state == "open"
    with pytest.raises(Problem, match="已经标过"):
        answer(db, people[0], no, LIGHTS, clock)
    assert service.next_item(db, people[0]) is None
    assert answer(db, people[1], no, LIGHTS, clock).state == "done"


def test_two_who_disagree_call_a_third_who_decides(file, fill, people, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill(DOUBLE)
    first, second, third = people
    answer(db, first, no, LIGHTS, clock)
    service.comment(db, first, item_of(db, no).id, "灯的事", clock.now)
    view = service.item_view(item_of(db, no), second, {})
    assert view["answers"] == []
    assert view["comments"] == []  # a remark may give the answer away
    assert answer(db, second, no, NOISE, clock).state == "third"
    assert service.next_item(db, first) is None
    item = service.next_item(db, third)
    assert item is not None
    assert len(service.item_view(item, third, {})["answers"]) == 2
    assert answer(db, third, no, NOISE, clock).state == "done"
    assert item_of(db, no).label["subcategory"] == "噪音污染"
    with pytest.raises(Problem, match="第三个人"):
        service.undo(db, first, clock.now)


def test_figures_count_and_show_kappa(file, fill, people, db, clock):
    told = ["巷子里的路灯时亮时灭", "楼下夜里放音响吵得睡不着", "半夜还在装修电钻响"]
    numbers = [file(text) for text in told]
    fill(DOUBLE)
    pairs = [(LIGHTS, LIGHTS), (NOISE, NOISE), (NOISE, LIGHTS)]
    for no, (one, other) in zip(numbers, pairs, strict=True):
        answer(db, people[0], no, one, clock)
        answer(db, people[1], no, other, clock)
    found = service.figures(db, people[0])
    assert (found["done"], found["third"], found["pairs"], found["mine"]) == (2, 1, 3, 3)
    assert found["kappa"]["category"] == pytest.approx(0.4)
    assert found["kappa"]["urgency"] == 1.0


def test_undo_takes_back_the_last_and_skip_passes_over(file, fill, people, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill(SINGLE)
    user = people[0]
    answer(db, user, no, LIGHTS, clock)
    assert service.undo(db, user, clock.now).state == "open"
    db.commit()
    service.skip(db, user, item_of(db, no).id, clock.now)
    assert service.next_item(db, user) is None
    assert service.next_item(db, people[1]) is not None
    service.undo(db, user, clock.now)
    assert service.next_item(db, user) is not None
    with pytest.raises(Problem, match="没有可以撤销的"):
        service.undo(db, user, clock.now)


def test_a_name_left_in_drops_the_item(file, fill, people, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill(SINGLE)
    item = answer(db, people[0], no, Label(other="个人信息"), clock)
    assert (item.state, item.label) == ("dropped", None)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (Label(category="不存在"), "没有这个一级分类"),
        (Label(category="城乡建设", subcategory="噪音污染"), "没有二级分类"),
        (Label(category="城乡建设", subcategory="路灯照明", kind="?"), "诉求类型"),
        (Label(category="城乡建设", subcategory="路灯照明", kind="民生诉求", urgency="急"), "紧急程度"),
        (Label(other="什么"), "只能是"),
        (Label(other="非诉求", category="城乡建设"), "不再填分类"),
    ],
)
def test_a_wrong_label_is_refused(label, words):
    with pytest.raises(Problem, match=words):
        label.checked(get_taxonomy())


def test_erasing_a_case_takes_its_item_along(file, fill, people, db, clock):
    no = file("巷子里的路灯时亮时灭")
    fill(SINGLE)
    answer(db, people[0], no, LIGHTS, clock)
    case = case_of(db, no)
    apply_action(db, case, "撤回", Actor("resident", "s", "resident"), clock.now)
    erase_case(db, case, clock.now, SYSTEM, "本人申请")
    db.commit()
    assert db.scalars(select(CurationItem)).all() == []
    assert db.scalars(select(CurationResponse)).all() == []


def test_about_a_tenth_goes_to_two():
    share = sum(for_two(f"case:LX{number}", 10) for number in range(5000)) / 5000
    assert 0.08 < share < 0.12


@pytest.mark.parametrize(
    ("line", "words"),
    [("batch: 0", "batch 写成"), ("fell_back: [utter_no_such]", "fell_back 应是"), ("x: 1", "不认识")],
)
def test_a_wrong_rule_is_named(tmp_path, line, words):
    text = (REPO / "nlu_data" / "curation.yml").read_text("utf-8")
    key = line.split(":")[0]
    kept = "\n".join(each for each in text.splitlines() if not each.startswith(f"{key}:"))
    (tmp_path / "curation.yml").write_text(f"{kept}\n{line}\n", "utf-8")
    with pytest.raises(RuleError, match=words):
        load_curation(tmp_path / "curation.yml", REPO / "domain.yml")
