"""What full-text search finds a case by: pairs of neighbouring characters, the same on both databases.

Neither database splits Chinese into words, so we do not ask them to. 路灯坏了 is kept as 路灯 灯坏 坏了 了, Latin words
and numbers whole; a search is a phrase of such pairs, that is a substring, found by an index. What is sealed at rest is
kept as keyed digests of its pairs: found as well, but not to be read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeDecorator, TypeEngine

from api.crypto import keyed_digests, mask_numbers
from classifier.text import normalise

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(rf"[{_HAN}]")
_LONGEST = 64
_MOST = 16_000
"""PostgreSQL counts positions to 16,383; what comes after in a longer document is not indexed, on either database."""
_PREFIX = 3
"""A Latin word or number of so many characters is looked for by how it begins; a shorter one begins too many."""
_DIGEST = 8


@dataclass(frozen=True)
class Phrase:
    """A word as it was looked for: tokens that follow one another, the last perhaps only begun."""

    tokens: tuple[str, ...]
    begun: bool


def phrases(text: str) -> list[Phrase]:
    """Returns what to look for, each a part of ``text`` without spaces and punctuation; none when that is all it is."""
    return [_phrase(word) for word in dict.fromkeys(_WORD.findall(normalise(text).lower()))]


def document(
    no: str,
    category: str,
    subcategory: str,
    description: str,
    place_text: str | None,
    street: str | None,
    community: str | None,
    answer: str | None,
    department: str,
    co_departments: Sequence[str],
) -> list[str]:
    """Returns the tokens of a case in order; ``answer``, sealed at rest, goes in as digests of its pairs.

    The departments are not to be found by, but narrow a search to the cases of one: what is common in the district may
    be rare with them.
    """
    # A number is also looked for by its digits alone.
    told = " ".join(filter(None, (no, no.removeprefix("LX"), category, subcategory, description, place_text)))
    # Places are named as the map names them: nothing to write otherwise.
    found = [*_tokens(normalise(told)), *_tokens(f"{street or ''} {community or ''}")]
    found += [seal_token(token)[0] for token in _tokens(normalise(mask_numbers(answer)))] if answer else []
    return [*found[:_MOST], *map(unit_token, (department, *co_departments))]


def unit_token(department: str) -> str:
    """Returns the token of every case that a department leads or helps with; no search is for a capital letter."""
    return f"D{''.join(_WORD.findall(department))[:_LONGEST]}"


def place_tokens(place: str) -> list[str]:
    """Returns tokens of every case in a street or community."""
    return list(_pairs(place))[:-1]


def seal_token(token: str) -> list[str]:
    """Returns the digest that stands for a token of sealed text, under each data key, newest first."""
    return [f"k{digest[:_DIGEST]}" for digest in keyed_digests("search", token)]


def _tokens(text: str) -> Iterator[str]:
    for run in _RUN.findall(text.lower()):
        yield from _pairs(run) if _IS_HAN.match(run) else (run[:_LONGEST],)


def _pairs(run: str) -> Iterator[str]:
    """Yields the pairs of a run of Han characters and its last character: each character begins a token."""
    return (run[i : i + 2] for i in range(len(run)))


def _phrase(word: str) -> Phrase:
    *before, last = _RUN.findall(word)
    tokens = [token for run in before for token in _tokens(run)]
    if not _IS_HAN.match(last):
        return Phrase((*tokens, last[:_LONGEST]), begun=len(last) >= _PREFIX)
    pairs = list(_pairs(last))
    # The lone last character of a search is more than a search for the run needs, unless it is all there is.
    return Phrase((*tokens, *(pairs[:-1] or pairs)), begun=len(pairs) == 1)


class Document(TypeDecorator[list[str]]):
    """Tokens in order: a ``tsvector`` with positions in PostgreSQL, in SQLite a text whose spaces FTS5 splits at."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Chooses the type."""
        return dialect.type_descriptor(TSVECTOR() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:
        """Writes the tokens, none of which holds a quote or a space."""
        if dialect.name == "postgresql":
            return " ".join(f"'{token}':{place}" for token, place in zip(value or (), count(1)))
        return " ".join(value or ())


POSTGRES_INDEX = (
    # A phrase is looked up in the row: kept as it is, beside the number, and not packed away elsewhere.
    "ALTER TABLE case_words SET (toast_tuple_target = 8160)",
    "CREATE INDEX ix_case_words ON case_words USING gin (words)",
    "CREATE INDEX ix_cases_co_departments ON cases USING gin (string_to_array(co_departments, '|'))",
)
# ``ascii`` takes every character beyond ASCII as a letter, so that nothing but our spaces splits.
SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE case_words_index USING fts5"
    "(words, content='case_words', content_rowid='case_id', tokenize='ascii')",
    "CREATE TRIGGER case_words_added AFTER INSERT ON case_words BEGIN"
    " INSERT INTO case_words_index(rowid, words) VALUES (new.case_id, new.words); END",
    "CREATE TRIGGER case_words_removed AFTER DELETE ON case_words BEGIN"
    " INSERT INTO case_words_index(case_words_index, rowid, words) VALUES ('delete', old.case_id, old.words); END",
    "CREATE TRIGGER case_words_changed AFTER UPDATE ON case_words BEGIN"
    " INSERT INTO case_words_index(case_words_index, rowid, words) VALUES ('delete', old.case_id, old.words);"
    " INSERT INTO case_words_index(rowid, words) VALUES (new.case_id, new.words); END",
)
