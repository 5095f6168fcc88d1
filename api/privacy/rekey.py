"""New data keys for what is kept: every sealed column, the digests, the history chains, the photos.

After a run that found nothing broken only the newest of ``LAOXIAN_DATA_KEYS`` is needed. A run may be stopped at any
moment and started again: what is done is known by its key, and passed over.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, TableClause, Text, Update, column, func, select, table, update
from sqlalchemy.orm import Session, sessionmaker

from api.cases.audit import broken_link
from api.cases.history import GENESIS, chain_hashes, end_chain, seals, unguarded
from api.cases.models import Case, CaseHistory, Reporter, keep_words
from api.cases.moves import lock
from api.crypto import EncryptedText, keyed_digest, phone_index, reseal
from api.db import Base
from api.settings import get_settings
from api.wechat.models import Follower

BATCH = 500
Advance = Callable[[int], None]


def sealed_tables() -> list[tuple[Table, list[str]]]:
    """Returns every table with the names of its sealed columns."""
    found = []
    for one in Base.metadata.sorted_tables:
        if names := [each.name for each in one.columns if isinstance(each.type, EncryptedText)]:
            found.append((one, names))
    return found


def count_work(sessions: sessionmaker[Session]) -> int:
    """Returns how many rows and files a run looks at."""
    with sessions() as db:
        rows = sum(db.scalar(select(func.count()).select_from(one)) or 0 for one, _names in sealed_tables())
        chains = db.scalar(select(func.count()).select_from(Case)) or 0
    return rows + chains + sum(1 for _file in _photos())


def rotate(sessions: sessionmaker[Session], advance: Advance) -> list[str]:
    """Brings everything under the newest key.

    Args:
        sessions: the maker of database sessions.
        advance: called with the number of rows done, for a progress bar.

    Returns:
        the numbers of cases whose history had been altered before: their chains are left as they are found.

    Raises:
        ValueError: something was sealed with a key that is not in ``LAOXIAN_DATA_KEYS``.
    """
    for one, names in sealed_tables():
        _reseal_table(sessions, one, names, advance)
    _renew_digests(sessions)
    broken = list(_renew_chains(sessions, advance))
    for file in _photos():
        _reseal_file(file)
        advance(1)
    return broken


def _reseal_table(sessions: sessionmaker[Session], one: Table, names: list[str], advance: Advance) -> None:
    (key,) = one.primary_key.columns
    # Without the columns' own type: tokens, not what is in them.
    bare = table(one.name, column(key.name, key.type), *(column(name, Text) for name in names))
    last = None
    while True:
        with sessions.begin() as db:
            after: list[ColumnElement[bool]] = [bare.c[key.name] > last] if last is not None else []
            rows = db.execute(select(bare).where(*after).order_by(bare.c[key.name]).limit(BATCH)).all()
            changes = list(_changes(bare, key.name, names, rows))
            # The history has its guard; the seal of a note is no part of its chain.
            with unguarded(db) if changes and one.name == CaseHistory.__tablename__ else nullcontext():
                for change in changes:
                    db.execute(change)
        if not rows:
            return
        last = rows[-1][0]
        advance(len(rows))


def _changes(bare: TableClause, key: str, names: list[str], rows: Sequence[Row[Any]]) -> Iterator[Update]:
    for row in rows:
        for name in names:
            old = getattr(row, name)
            if old and (new := reseal(old)):
                # Only what is still as it was read: whoever wrote it meanwhile used the newest key.
                yield update(bare).where(bare.c[key] == row[0], bare.c[name] == old).values({name: new})


def _renew_digests(sessions: sessionmaker[Session]) -> None:
    _renew_index(sessions, Reporter, "phone", "phone_index", phone_index)
    _renew_index(sessions, Follower, "openid", "openid_index", lambda openid: keyed_digest("openid", openid))
    _renew_words(sessions)


def _renew_words(sessions: sessionmaker[Session]) -> None:
    """The pairs of an answer are looked for by their digests."""
    last = 0
    while True:
        with sessions.begin() as db:
            answered = select(Case).where(Case.id > last, Case.answer.is_not(None)).order_by(Case.id).limit(BATCH)
            # Locked: an answer changed meanwhile must not be written over.
            cases = db.scalars(answered.with_for_update()).all()
            for case in cases:
                keep_words(None, db.connection(), case)
        if not cases:
            return
        last = cases[-1].id


def _renew_index(
    sessions: sessionmaker[Session],
    model: type[Reporter] | type[Follower],
    sealed: str,
    index: str,
    of: Callable[[str], str],
) -> None:
    last = 0
    while True:
        with sessions.begin() as db:
            found: Select[Any] = select(model).where(model.id > last).order_by(model.id).limit(BATCH)
            rows = db.scalars(found).all()
            for row in rows:
                if value := getattr(row, sealed):
                    # Unchanged where it is the newest key's already: nothing is written then.
                    setattr(row, index, of(value))
        if not rows:
            return
        last = rows[-1].id


def _renew_chains(sessions: sessionmaker[Session], advance: Advance) -> Iterator[str]:
    with sessions() as db:
        ids = list(db.scalars(select(Case.id).order_by(Case.id)))
    for case_id in ids:
        with sessions.begin() as db:
            case = db.get_one(Case, case_id)
            lock(db, case)
            if not renew_chain(db, case):
                yield case.no
        advance(1)


def renew_chain(db: Session, case: Case) -> bool:
    """Chains the history of a locked case anew under the newest key; ``False`` when it had been altered before."""
    rows = list(db.scalars(select(CaseHistory).where(CaseHistory.case_id == case.id).order_by(CaseHistory.seq)))
    if broken_link(db, case) is not None or case.history_seal not in seals(case):
        return False
    if all(_is_new(row) for row in rows) and case.history_seal == seals(case)[0]:
        return True
    with unguarded(db):
        previous = GENESIS
        for row in rows:
            row.note_digest = keyed_digest("note", row.note) if row.note else row.note_digest
            row.previous_hash = previous
            previous = row.hash = chain_hashes(row)[0]
            end_chain(case, row)
    return True


def _is_new(row: CaseHistory) -> bool:
    digest = keyed_digest("note", row.note) if row.note else row.note_digest
    return row.note_digest == digest and row.hash == chain_hashes(row)[0]


def _photos() -> Iterator[Path]:
    yield from (get_settings().data_dir / "attachments").glob("??/*")


def _reseal_file(file: Path) -> None:
    new = reseal(file.read_text("ascii"))
    if new is None:
        return
    beside = file.with_name(f".{file.name}.new")
    beside.touch(mode=0o600)
    beside.write_text(new, "ascii")
    beside.replace(file)
