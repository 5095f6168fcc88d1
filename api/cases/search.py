"""The condition of the list for what somebody looks for."""

from collections.abc import Callable, Iterator

from sqlalchemy import ColumnElement, cast, column, func, literal, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from api.accounts.models import User
from api.cases.models import Case, CaseWords
from api.cases.words import Phrase, place_tokens, seal_token, unit_token

_INDEX = table("case_words_index", column("rowid"), column("case_words_index"))


def holds_words(db: Session, wanted: list[Phrase], user: User, many: int) -> ColumnElement[bool]:
    """Returns the SQL condition for the cases that hold all of ``wanted``, which is not empty.

    Args:
        db: the session.
        wanted: the words, from ``phrases``.
        user: whose scope narrows the search; to obey it is ``visible_cases``'s.
        many: with more hits than this the newest are soon found among all cases, with fewer among the hits: the
            database would guess, and lose seconds where words and places depend on one another.
    """
    near = [Phrase((token,), begun=False) for token in _scope(user)]
    if db.get_bind().dialect.name == "postgresql":
        query = " & ".join((*(_any(one, _ts_query, " | ") for one in wanted), *map(_ts_query, near)))
        holds = CaseWords.words.op("@@", is_comparison=True)(cast(literal(query), TSQUERY))
        hits = select(CaseWords.case_id).where(holds)
    else:
        match = " AND ".join((*(_any(one, _fts_query, " OR ") for one in wanted), *map(_fts_query, near)))
        holds = _INDEX.c.case_words_index.op("MATCH", is_comparison=True)(literal(match))
        hits = select(_INDEX.c.rowid).where(holds)
    few = hits.limit(many + 1)
    found = db.scalar(select(func.count()).select_from(few.subquery())) or 0
    return Case.id.in_(few if found <= many else hits)


def _scope(user: User) -> Iterator[str]:
    if user.department:
        yield unit_token(user.department)
    for place in (user.street, user.community):
        yield from place_tokens(place or "")


def _any(phrase: Phrase, write: Callable[[Phrase], str], either: str) -> str:
    return f"({either.join(write(one) for one in (phrase, *_sealed(phrase)))})"


def _sealed(phrase: Phrase) -> Iterator[Phrase]:
    """Yields the phrase as it stands in sealed text, under each data key."""
    for tokens in zip(*(seal_token(token) for token in phrase.tokens), strict=True):
        yield Phrase(tokens, begun=False)


def _ts_query(phrase: Phrase) -> str:
    return " <-> ".join(f"'{token}'" for token in phrase.tokens) + (":*" if phrase.begun else "")


def _fts_query(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.tokens)}"' + (" *" if phrase.begun else "")
