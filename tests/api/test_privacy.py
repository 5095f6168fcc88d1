"""New data keys, the audit's seal, erasure after the retention and on request."""

import json
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text
from typer.testing import CliRunner

from api import crypto
from api.accounts.deps import SYSTEM, Actor
from api.accounts.models import Role
from api.cases.audit import broken_link, findings, missing_cases
from api.cases.filing import Filing, file_case
from api.cases.following import follow
from api.cases.history import unguarded
from api.cases.models import Case, Reporter
from api.cases.moves import apply_action
from api.cases.reporters import Contact
from api.chat.models import ChatMessage, ChatSession, Draft
from api.cli import app
from api.db import Base
from api.privacy.erasure import end_idle_chats, erase_due, erase_phone
from api.privacy.rekey import rotate
from api.privacy.retention import Retention, get_retention, load_retention
from api.settings import get_settings
from api.triage.service import get_places
from classifier.taxonomy import RuleError
from tests.api.test_history import without_guard

NAME, PHONE, STORY = "王小明", "13800000001", "王小明家门口的路灯坏了，打 13800000001"
CLERK = Actor("staff", "c", Role.CLERK)


@pytest.fixture
def tell(sessions, fixed, clock):
    """Files a case out of a conversation, with one line said in it; gives back its id."""

    def make(number: int = 1, *, close: bool = True) -> int:
        session, draft = f"s{number}", f"d{number}"
        with sessions.begin() as db:
            row = {"id": session, "token_hash": session, "draft_id": draft, "last_seq": 1, "human_reason": NAME}
            db.add(ChatSession(**row, created_at=clock.now, last_seen_at=clock.now))
            db.flush()
            db.add(Draft(id=draft, session_id=session, known="{}", last_message_at=clock.now, created_at=clock.now))
            line = {"session_id": session, "seq": 1, "author": "resident", "text": STORY, "draft_id": draft}
            db.add(ChatMessage(**line, created_at=clock.now))
            filing = Filing(
                STORY, f"中韩社区{NAME}家", NAME, PHONE, False, "web", None, session_id=session, draft_id=draft
            )
            case, _ = file_case(db, filing, fixed, get_places(), clock.now, Actor("resident", session, "resident"))
            apply_action(db, case, "补充", Actor("resident", session, "resident"), clock.now, note=f"我是{NAME}")
            if close:
                apply_action(db, case, "不予受理", CLERK, clock.now, reason=f"{NAME}自己修好了")
            return case.id

    return make


def dump(db) -> str:
    """Everything in the database, unsealed where it was sealed."""
    found = []
    for table in Base.metadata.tables:
        for row in db.execute(text(f"SELECT * FROM {table}")):
            found += [crypto.unseal(cell) if str(cell).startswith("gAAAA") else str(cell) for cell in row]
    return "\n".join(found)


@pytest.fixture
def keys(monkeypatch):
    """Sets the data keys: ``keys("new", "old")``; the one that the tests began with is ``"old"``."""
    known = {"old": get_settings().data_keys.get_secret_value(), "new": Fernet.generate_key().decode()}

    def use(*names: str) -> None:
        monkeypatch.setenv("LAOXIAN_DATA_KEYS", ",".join(known[name] for name in names))
        forget()

    def forget() -> None:
        for cached in (get_settings, crypto._keys, crypto._fernet):
            cached.cache_clear()

    yield use
    monkeypatch.undo()
    forget()


class TestNewKeys:
    def test_afterwards_the_old_key_may_go(self, sessions, tell, keys):
        first = tell()
        keys("new", "old")
        tell(2)
        assert rotate(sessions, lambda _done: None) == []
        keys("new")
        with sessions() as db:
            for case in db.scalars(select(Case)):
                assert (case.full_description, case.reporter.phone) == (STORY, PHONE)
                assert list(findings(db, case)) == []
            ids = select(Reporter.case_id).where(Reporter.phone_index == crypto.phone_index(PHONE))
            assert first in set(db.scalars(ids))
            assert STORY in dump(db)

    def test_before_it_both_keys_find_and_verify(self, sessions, tell, keys):
        tell()
        keys("new", "old")
        with sessions() as db:
            (case,) = db.scalars(select(Case))
            assert list(findings(db, case)) == []
            assert case.reporter.phone_index in crypto.phone_indexes(PHONE)

    def test_a_run_that_was_stopped_goes_on_and_a_second_one_changes_nothing(self, sessions, tell, keys):
        for number in (1, 2, 3):
            tell(number)
        keys("new", "old")

        def stop(_done: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rotate(sessions, stop)
        rotate(sessions, lambda _done: None)
        with sessions() as db:
            before = [tuple(row) for row in db.execute(text("SELECT * FROM case_history ORDER BY id"))]
        rotate(sessions, lambda _done: None)
        with sessions() as db:
            assert [tuple(row) for row in db.execute(text("SELECT * FROM case_history ORDER BY id"))] == before

    def test_a_chain_that_was_altered_is_told_and_not_made_good(self, sessions, tell, keys):
        tell()
        with sessions() as db:
            without_guard(db, "UPDATE case_history SET actor_id = 'x' WHERE seq = 2")
        keys("new", "old")
        assert len(rotate(sessions, lambda _done: None)) == 1
        with sessions() as db:
            (case,) = db.scalars(select(Case))
            assert broken_link(db, case) == 2

    def test_a_missing_key_is_named_and_photos_are_sealed_anew(self, sessions, tell, keys, monkeypatch, tmp_path):
        tell()
        monkeypatch.setenv("LAOXIAN_DATA_DIR", str(tmp_path))
        keys("old")
        photo = tmp_path / "attachments" / "ab" / "abcd"
        photo.parent.mkdir(parents=True)
        photo.write_bytes(crypto.seal_bytes(b"\xff\xd8jpeg"))
        keys("new", "old")
        result = CliRunner().invoke(app, ["keys", "rotate"])
        assert (result.exit_code, "旧密钥可以去掉了" in result.output) == (0, True), result.output
        keys("new")
        assert crypto.unseal_bytes(photo.read_bytes()) == b"\xff\xd8jpeg"
        keys("old")
        result = CliRunner().invoke(app, ["keys", "rotate"])
        assert (result.exit_code, "LAOXIAN_DATA_KEYS" in result.output) == (1, True)


class TestTheSeal:
    def found(self, sessions) -> str:
        with sessions() as db:
            return "；".join(line for case in db.scalars(select(Case)) for line in findings(db, case))

    def test_rows_cut_off_at_the_end_show_though_the_head_was_put_back(self, sessions, tell):
        tell()
        assert self.found(sessions) == ""
        with sessions() as db:
            without_guard(db, "DELETE FROM case_history WHERE seq = 3")
            db.execute(text("UPDATE cases SET history_head = (SELECT hash FROM case_history WHERE seq = 2)"))
            db.execute(text("UPDATE cases SET history_count = 2, status = '待受理'"))
            db.commit()
        assert "末尾的记录被删掉" in self.found(sessions)

    def test_a_status_set_by_hand_shows(self, sessions, tell):
        tell()
        with sessions.begin() as db:
            db.execute(text("UPDATE cases SET status = '已办结'"))
        assert "当前的 status 是“已办结”，办理记录里是“不予受理”" in self.found(sessions)

    def test_a_note_taken_out_by_hand_shows(self, sessions, tell):
        tell()
        with sessions() as db:
            without_guard(db, "UPDATE case_history SET note = NULL WHERE seq = 2")
        assert "第 2 条记录" in self.found(sessions)

    def test_a_case_that_is_gone_shows(self, sessions, tell):
        tell()
        last = tell(2)
        with sessions() as db:
            assert missing_cases(db) == []
            without_guard(db, f"DELETE FROM case_history WHERE case_id = {last}")
            db.execute(text(f"DELETE FROM reporters WHERE case_id = {last}"))
            db.execute(text(f"DELETE FROM cases WHERE id = {last}"))
            db.commit()
            assert missing_cases(db) == ["20261124：发出 2 个编号，库里只有 1 件"]
        assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == 1


class TestErasure:
    def test_when_the_time_has_come_nobody_is_left_and_the_chain_holds(self, sessions, tell, clock):
        tell()
        still_open = tell(2, close=False)
        rules = get_retention()
        assert erase_due(sessions, clock.now + rules.closed - timedelta(days=1), rules, SYSTEM) == 0
        assert erase_due(sessions, clock.forward(days=1100), rules, SYSTEM) == 1
        assert erase_due(sessions, clock.now, rules, SYSTEM) == 0
        with sessions() as db:
            erased = db.scalars(select(Case).where(Case.erased_at.is_not(None))).one()
            assert list(findings(db, erased)) == []
            assert [row.action for row in erased.history] == ["提交", "补充", "不予受理", "清除个人信息"]
            assert [row.note for row in erased.history] == [None, None, None, "保存期限已满"]
            assert (erased.subcategory, erased.street, erased.status) == ("路灯照明", "中韩街道", "不予受理")
            assert db.get(ChatSession, "s1") is None
            other = db.get_one(Case, still_open)
            assert (other.reporter.phone, len(db.scalars(select(ChatMessage)).all())) == (PHONE, 1)
            with unguarded(db):
                db.execute(text(f"DELETE FROM case_history WHERE case_id = {still_open}"))
            db.execute(text(f"DELETE FROM reporters WHERE case_id = {still_open}"))
            db.execute(text(f"DELETE FROM cases WHERE id = {still_open}"))
            for table in ("chat_messages", "chat_drafts", "chat_sessions"):
                db.execute(text(f"DELETE FROM {table}"))
            everything = dump(db)
            db.rollback()
        assert NAME not in everything
        assert PHONE not in everything

    def test_rows_from_before_there_were_digests_are_chained_anew_before_their_notes_go(self, sessions, tell, clock):
        tell()
        with sessions() as db:
            without_guard(db, "UPDATE case_history SET note_digest = NULL")
        erase_due(sessions, clock.forward(days=1100), get_retention(), SYSTEM)
        with sessions() as db:
            (case,) = db.scalars(select(Case))
            assert list(findings(db, case)) == []
            assert NAME not in dump(db)

    def test_on_request_what_is_over_is_erased_and_what_is_open_waits(self, sessions, tell, clock):
        over, still_open = tell(), tell(2, close=False)
        with sessions.begin() as db:
            known = json.dumps({"phone": "138-0000-0001"})
            row = {"session_id": "s2", "known": known, "last_message_at": clock.now, "created_at": clock.now}
            db.add(Draft(id="d3", **row))
        result = CliRunner().invoke(app, ["erase", "--phone", "+86 138 0000 0001"])
        assert result.exit_code == 0, result.output
        assert "已清除 1 件、1 份没有提交的草稿" in result.output
        with sessions() as db:
            assert db.get_one(Case, over).erased_at
            assert f"还没有办结，暂不清除：{db.get_one(Case, still_open).no}" in result.output
            assert db.get_one(Case, still_open).reporter.phone == PHONE

    def test_one_of_several_goes_and_the_others_stay(self, sessions, tell, clock):
        case_id = tell(close=False)
        with sessions.begin() as db:
            case = db.get_one(Case, case_id)
            follow(db, case, Contact("李四", "13900000002", False), "s9", clock.now)
            apply_action(db, case, "补充", Actor("resident", "s9", "resident"), clock.now, note="我是李四")
            apply_action(db, case, "不予受理", CLERK, clock.now, reason="已修好")
        erase_phone(sessions, "13900000002", clock.now, SYSTEM)
        with sessions() as db:
            case = db.get_one(Case, case_id)
            assert [one.name for one in case.reporters] == [NAME, None]
            assert list(findings(db, case)) == []
            assert "李四" not in dump(db)
            assert case.full_description == STORY

    def test_idle_conversations_end_and_those_without_a_case_go(self, sessions, tell, clock):
        tell(close=False)
        with sessions.begin() as db:
            row = {"id": "s8", "token_hash": "s8", "draft_id": "d8", "created_at": clock.now}
            db.add(ChatSession(**row, last_seen_at=clock.now))
        rules = get_retention()
        assert end_idle_chats(sessions, clock.forward(days=89), rules) == 0
        assert end_idle_chats(sessions, clock.forward(days=2), rules) == 2
        with sessions() as db:
            assert [one.token_hash for one in db.scalars(select(ChatSession))] == ["ended:s1"]

    def test_the_rule_file_is_read_and_a_slip_named(self, tmp_path):
        file = tmp_path / "retention.yml"
        file.write_text("closed: 10 天\nchat: 3天\n", "utf-8")
        assert load_retention(file) == Retention(timedelta(days=10), timedelta(days=3))
        file.write_text("closed: 三年\nchat: 3 天\n", "utf-8")
        with pytest.raises(RuleError, match="三年"):
            load_retention(file)
