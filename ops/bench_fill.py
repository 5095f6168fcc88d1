"""A million cases in minutes: some hundred are lived through by the service, PostgreSQL multiplies their rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select, text

from api.cases.models import Case
from api.columns import utcnow
from api.db import get_engine, session_factory
from ops.bench_life import STEPS, Prepared, live, stories

OPEN_SHARE = 0.03
"""Of all cases; the others are over. Open ones are of the last tenth of the time."""
YEARS = 3
TABLES = ("cases", "reporters", "case_history", "case_words")
# Copied as they are, but for these; every moment of a case moves with its date.
_OWN = {
    "cases": {
        "id": "f.id",
        "no": "f.no",
        "idempotency_key": "md5(f.id::text)",
        "draft_id": "md5('d' || f.id)",
        "group_key": "NULL",
    },
    "reporters": {"id": "f.id", "case_id": "f.id", "phone_index": "md5('p' || f.id % 400000) || md5('q')"},
    "case_history": {"id": "nextval('case_history_id_seq')", "case_id": "f.id"},
    "case_words": {
        "case_id": "f.id",
        "words": r"(quote_literal(lower(left(f.no, 10))) || '\:1 ' || quote_literal(right(f.no, 5)) || '\:2,4 ' ||"
        r" quote_literal(substr(f.no, 3, 8)) || '\:3')::tsvector || ts_delete(t.words, f.numbers)",
    },
}
_PLAN = """
CREATE UNLOGGED TABLE fill AS
SELECT :base + i AS id, made.id AS template, at - made.created_at AS later, made.numbers,
  'LX' || to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || '-' || lpad((10000 + i % 90000)::text, 5, '0') AS no
FROM generate_series(1, :count) AS i
CROSS JOIN LATERAL
  (SELECT CAST(:now AS timestamptz) - (1 - i::float8 / :count) * CAST(:span AS interval) AS at) AS dated
CROSS JOIN LATERAL (SELECT i > :count * 0.9 AND i % 100 < :open * 1000 AS going) AS state
JOIN templates AS made ON made.going = state.going
  AND made.place = (i * 7919::bigint) % CASE WHEN state.going THEN :going ELSE :over END
"""


def fill(count: int, templates: int) -> None:
    """Fills the database of the settings with ``count`` cases, all but ``templates`` copied.

    A copy's history is chained for its template: it is as large as a real one, but ``laoxian audit verify`` would
    refuse it. Conversations are not made.
    """
    going = max(templates // 4, len(STEPS))
    _live_through(templates - going, going)
    with get_engine().begin() as db:
        # No foreign keys to check, no history to guard: all of it is ours.
        db.execute(text("SET LOCAL session_replication_role = replica"))
        later = _take_indexes(db)
        _plan(db, count - templates, templates - going, going)
        for name in TABLES:
            _multiply(db, name)
        for sequence in ("cases", "reporters"):
            db.execute(text(f"SELECT setval('{sequence}_id_seq', (SELECT max(id) FROM {sequence}))"))
        for statement in later:
            db.execute(text(statement))
        db.execute(text("DROP TABLE fill, templates"))
    with get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE"))
        db.execute(text("CHECKPOINT"))


def _live_through(over: int, going: int) -> None:
    triager, told = Prepared(), stories()
    with session_factory()() as db:
        for number in range(over + going):
            steps = len(STEPS) if number < over else number % len(STEPS)
            live(db, told[number % len(told)], triager, utcnow() - timedelta(minutes=10), steps)


def _take_indexes(db: Connection) -> list[str]:
    """Drops what is quicker to build at the end, and returns the statements that build it."""
    found = db.execute(
        text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:tables) AND indexname LIKE 'ix%'",
        ),
        {"tables": list(TABLES)},
    ).all()
    for name, _definition in found:
        db.execute(text(f"DROP INDEX {name}"))
    return [definition for _name, definition in found]


def _plan(db: Connection, count: int, over: int, going: int) -> None:
    db.execute(
        text(
            "CREATE TABLE templates AS SELECT id, created_at, status NOT IN ('已办结') AS going,"
            " ARRAY[lower(left(no, 10)), right(no, 5), substr(no, 3, 8)] AS numbers,"
            " row_number() OVER (PARTITION BY status NOT IN ('已办结') ORDER BY id) - 1 AS place FROM cases"
        )
    )
    span, now = timedelta(days=365 * YEARS), utcnow() - timedelta(hours=1)
    found: dict[str, Any] = {"count": count, "span": span, "now": now, "open": OPEN_SHARE, "over": over, "going": going}
    base = db.scalar(select(Case.id).order_by(Case.id.desc()).limit(1))
    db.execute(text(_PLAN), found | {"base": base})
    db.execute(text("ANALYZE fill"))


def _multiply(db: Connection, name: str) -> None:
    columns = db.execute(
        text("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = :name"), {"name": name}
    ).all()
    own = _OWN[name]
    moved = {
        column: own.get(column, f"t.{column} + f.later" if kind.startswith("timestamp") else f"t.{column}")
        for column, kind in columns
    }
    key = "id" if name == "cases" else "case_id"
    db.execute(
        text(
            f"INSERT INTO {name} ({', '.join(moved)}) SELECT {', '.join(moved.values())}"
            f" FROM fill AS f JOIN {name} AS t ON t.{key} = f.template ORDER BY f.id"
        )
    )
