"""The condition of the list for what somebody looks for."""

from collections.abc import Callable, Iterator

from sqlalchemy import ColumnElement, cast, column, false, literal, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from api.cases.models import Case, CaseWords
from api.cases.words import Phrase, phrases, seal_token

_INDEX = table("case_words_index", column("rowid"), column("case_words_index"))


def holds_words(db: Session, text: str) -> ColumnElement[bool]:
    """Returns the SQL condition for the cases that hold every word of ``text``; of no word, for none.

    Nothing in ``text`` is an operator: only its letters, digits and Han characters are looked for.
    """
    wanted = phrases(text)
    if not wanted:
        return false()
    if db.get_bind().dialect.name == "postgresql":
        query = " & ".join(_any(one, _ts_query, " | ") for one in wanted)
        holds = CaseWords.words.op("@@", is_comparison=True)(cast(literal(query), TSQUERY))
        return Case.id.in_(select(CaseWords.case_id).where(holds))
    match = " AND ".join(_any(one, _fts_query, " OR ") for one in wanted)
    holds = _INDEX.c.case_words_index.op("MATCH", is_comparison=True)(literal(match))
    return Case.id.in_(select(_INDEX.c.rowid).where(holds))


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
