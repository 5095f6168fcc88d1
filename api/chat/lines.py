"""What the front itself says: ``nlu_data/front_lines.yml``, checked when it is read, in the resident's script."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from opencc import OpenCC
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from api.cases.rule_files import placeholders
from api.settings import get_settings
from classifier.text import is_traditional

HANS, HANT = "hans", "hant"
Lines = TypeVar("Lines", bound=BaseModel)
_TELLING = 2  # characters of one script that tell in which somebody writes


class LinesError(ValueError):
    """The file of lines is incomplete or mistyped; the text names the file and the entry."""


@dataclass(frozen=True)
class Line:
    """One bubble for the resident: text, buttons, and the number of the case it reports, if any."""

    text: str
    quick_replies: list[dict[str, str]] = field(default_factory=list)
    case_no: str | None = None


def button(title: str) -> dict[str, str]:
    """Returns a quick reply that says what it shows."""
    return {"title": title, "payload": title}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Bubble(_Strict):
    text: str
    quick_replies: list[str] = []


class _Errors(_Strict):
    session: str
    too_long: str
    too_fast: str
    too_many_sessions: str


class FrontLines(_Strict):
    """All lines of the front, as the file holds them; ``{names}`` in them are checked to be known."""

    greeting: list[_Bubble]
    empty: str
    bot_down: str
    busy: str
    retry: str
    nothing_to_retry: str
    gave_up: str
    already_filed: str
    emergency: dict[str, str]
    emergency_ask: str
    emergency_noted: str
    emergency_filed: str
    person_joined: str
    person_left: str
    news: dict[str, _Bubble]
    errors: _Errors

    @field_validator("*")
    @classmethod
    def _known_names(cls, value: Any) -> Any:
        if isinstance(value, str):
            names = placeholders(value)
            if unknown := names - {"case_no", "number", "seconds"}:
                raise ValueError(f"不认识的名字 {unknown}")
        return value

    @field_validator("news")
    @classmethod
    def _known_news(cls, value: dict[str, _Bubble]) -> dict[str, _Bubble]:
        for line in value.values():
            names = placeholders(line.text)
            if unknown := names - {"case_no", "department", "answer", "note", "due", "parts"}:
                raise ValueError(f"不认识的名字 {unknown}")
        return value

    @field_validator("emergency")
    @classmethod
    def _all_numbers(cls, value: dict[str, str]) -> dict[str, str]:
        if missing := {"110", "119", "120", "122", "12356"} - value.keys():
            raise ValueError(f"缺少 {sorted(missing)}")
        return value

    def greet(self) -> list[Line]:
        """Returns what a new conversation opens with."""
        return [Line(one.text, [button(title) for title in one.quick_replies]) for one in self.greeting]

    def with_retry(self, text: str) -> Line:
        """Returns ``text`` with the button that tries again."""
        return Line(text, [button(self.retry)])


def read_lines(path: Path, kind: type[Lines]) -> Lines:
    """Reads the lines of a file into ``kind``, the model of what it must hold.

    Raises:
        LinesError: naming the file and the entry that is missing, unknown or mistyped.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise LinesError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except yaml.YAMLError as error:
        raise LinesError(f"{path}: {error}") from error


@lru_cache
def front_lines() -> FrontLines:
    """Returns the lines of this process."""
    return read_lines(get_settings().nlu_data / "front_lines.yml", FrontLines)


@lru_cache(maxsize=1)
def _to_traditional() -> OpenCC:
    return OpenCC("s2tw")  # s2t writes 覈對 and 這裏, which nobody here does


def script_of(text: str, before: str) -> str:
    """Returns ``hant`` for traditional text, ``hans`` for text that is clearly simplified, else ``before``.

    Most short answers read the same in both: 匿名, a phone number, the name of a place.
    """
    head = text[:200]
    if is_traditional(head):
        return HANT
    simplified = sum(a != b for a, b in zip(head, _to_traditional().convert(head), strict=False))
    return HANS if simplified >= _TELLING else before


def in_script(line: Line, script: str) -> Line:
    """Returns the line in the resident's script; payloads stay as they are, since the bot reads them."""
    if script != HANT:
        return line
    convert = _to_traditional().convert
    buttons = [{"title": convert(one["title"]), "payload": one["payload"]} for one in line.quick_replies]
    return Line(convert(line.text), buttons, line.case_no)
