"""The migrations make what the models say, on both databases, and go back."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import sessionmaker

from api.accounts.deps import SYSTEM, Actor
from api.accounts.models import User
from api.cases.audit import findings
from api.cases.filing import Filing, file_case
from api.cases.models import Case
from api.cases.moves import apply_action
from api.cases.search import holds_words
from api.cases.words import phrases
from api.cli import alembic_config
from api.db import Base, make_engine
from api.triage.service import get_places


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """An engine on a database without tables."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        yield engine
        engine.dispose()
        return
    url = request.getfixturevalue("postgres_url")
    server = make_engine(url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE migrations"))
    engine = make_engine(url.replace("/postgres", "/migrations"))
    yield engine
    engine.dispose()
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE migrations"))
    server.dispose()


def config(engine: Engine):
    made = alembic_config()
    made.set_main_option("sqlalchemy.url", engine.url.render_as_string(hide_password=False))
    return made


def _modelled(_thing, name, kind, _reflected, _other) -> bool:
    """Each database has its own indexes for search and scope, of which the models say nothing."""
    own = ("ix_case_words", "ix_cases_co_departments")
    return not (name or "").startswith("case_words_index") and (kind != "index" or name not in own)


def test_up_equals_the_models_and_down_leaves_nothing(empty):
    command.upgrade(config(empty), "head")
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _modelled})
        assert compare_metadata(context, Base.metadata) == []
    command.downgrade(config(empty), "base")
    assert inspect(empty).get_table_names() == ["alembic_version"]
    command.upgrade(config(empty), "head")


def test_a_filled_database_goes_down_and_up_and_its_histories_still_hold(empty, fixed, clock):
    command.upgrade(config(empty), "head")
    sessions = sessionmaker(empty, expire_on_commit=False)
    with sessions.begin() as db:
        filing = Filing("路灯坏了", "中韩社区", "王小明", "13800000001", False, "web", None)
        case, _ = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)
        apply_action(db, case, "补充", Actor("resident", "r", "resident"), clock.now, note="还没修")
    command.downgrade(config(empty), "0004")
    command.upgrade(config(empty), "head")
    with sessions() as db:
        (case,) = db.scalars(select(Case))
        assert (case.history_count, list(findings(db, case))) == (2, [])
        # The seal is no mere formality.
        case.history_count = 1
        assert list(findings(db, case))


def test_the_cases_there_are_can_be_searched_after_the_upgrade(empty, fixed, clock):
    command.upgrade(config(empty), "head")
    sessions = sessionmaker(empty, expire_on_commit=False)
    with sessions.begin() as db:
        for story in ("路灯坏了", "井盖响", "停水"):
            file_case(db, Filing(story, None, None, None, True, "web", None), fixed, get_places(), clock.now, SYSTEM)
        db.scalars(select(Case).order_by(Case.id.desc()).limit(1)).one().answer = "阀门已更换"
    command.downgrade(config(empty), "0007")
    assert "case_words" not in inspect(empty).get_table_names()
    command.upgrade(config(empty), "head")
    with sessions() as db:
        for wanted, number in (("坏了", 1), ("井盖", 2), ("停水", 3), ("阀门", 3)):
            found = holds_words(db, phrases(wanted), User(department="区城市管理局"), 10)
            assert list(db.scalars(select(Case.id).where(found))) == [number]


def test_a_migrated_history_refuses_change(empty):
    command.upgrade(config(empty), "head")
    columns = "case_id, seq, at, actor_kind, actor_id, actor_role, action, before, after, public, previous_hash, hash"
    values = "1, 1, '2026-11-24 02:00:00', 'staff', 'x', 'clerk', '受理', '{}', '{}', true, 'a', 'b'"
    with empty.connect() as connection:
        # The row stands for itself; nothing here is committed.
        if empty.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        else:
            connection.exec_driver_sql("ALTER TABLE case_history DROP CONSTRAINT fk_case_history_case_id_cases")
        connection.exec_driver_sql(f"INSERT INTO case_history ({columns}) VALUES ({values})")
        for statement in ("UPDATE case_history SET action = '派单'", "DELETE FROM case_history"):
            with pytest.raises(DatabaseError, match="append-only"), connection.begin_nested():
                connection.exec_driver_sql(statement)
        connection.rollback()
