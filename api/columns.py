"""Column types shared by every table."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, DateTime, Dialect, SQLColumnExpression, Text, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC; SQLite drops the offset, so it is put back on reading.

    Raises:
        ValueError: when a naive datetime is written.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turns any aware datetime into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: pass one with a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Gives back an aware UTC datetime on both databases."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def utcnow() -> datetime:
    """Returns the present moment in UTC; rules take ``now`` as an argument instead of calling this."""
    return datetime.now(UTC)


class Names(TypeDecorator[list[str]]):
    """A short list of names kept as ``|a|b|``; ``holds_name`` finds a row by a member on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str:
        """Joins the names."""
        return "".join(f"|{name}" for name in value) + "|" if value else ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        """Splits them again."""
        return [name for name in (value or "").split("|") if name]


def holds_name(names: SQLColumnExpression[list[str]], name: str) -> ColumnElement[bool]:
    """Returns the SQL condition that ``name`` is one of a column of ``Names``; PostgreSQL may have an index for it."""
    return _HoldsName(type_coerce(names, Text), literal(name, Text))


class _HoldsName(FunctionElement[bool]):
    name = "holds_name"
    type = Boolean()
    inherit_cache = True


@compiles(_HoldsName)
def _in_text(element: _HoldsName, compiler: SQLCompiler, **options: Any) -> str:
    names, name = (compiler.process(one, **options) for one in element.clauses)
    return f"(instr({names}, '|' || {name} || '|') > 0)"


@compiles(_HoldsName, "postgresql")
def _in_array(element: _HoldsName, compiler: SQLCompiler, **options: Any) -> str:
    names, name = (compiler.process(one, **options) for one in element.clauses)
    return f"(string_to_array({names}, '|') @> ARRAY[CAST({name} AS TEXT)])"
