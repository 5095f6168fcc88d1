"""Several people with one matter: who of them acts, and what of the case each may read."""

from dataclasses import dataclass

from api.accounts.deps import Actor
from api.cases.models import Case, CaseHistory, Reporter
from api.crypto import phone_index
from api.errors import Problem

# Between the staff and one reporter; the others neither hear nor read it.
PERSONAL = frozenset({"回访", "评价"})


@dataclass(frozen=True)
class Contact:
    """How a resident wants to be reached; an anonymous one's name is not kept."""

    name: str | None
    phone: str | None
    anonymous: bool

    def reporter(self, session_id: str | None) -> Reporter:
        """Returns the reporter that this makes."""
        return Reporter(
            name=None if self.anonymous else self.name,
            phone=self.phone,
            phone_index=phone_index(self.phone) if self.phone else None,
            anonymous=self.anonymous,
            session_id=session_id,
        )


def acting(case: Case, actor: Actor | None, number: int | None) -> Reporter:
    """Returns the reporter whose call-back, rating or withdrawal an action is.

    Args:
        case: a flushed case.
        actor: a resident acts for themselves, staff for the main reporter unless they say for whom.
        number: 1 for who filed, 2 for the first who joined, and so on.

    Raises:
        Problem: 422 when the case has no such reporter.
    """
    if number is not None:
        if number > len(case.reporters):
            raise Problem(422, f"这件没有第 {number} 位反映人")
        return case.reporters[number - 1]
    if actor is not None and actor.kind == "resident":
        own = [one for one in case.reporters if one.session_id == actor.id]
        # Who left and came back acts as who they are now.
        return next((one for one in own if one.left_at is None), own[0] if own else case.reporter)
    return case.reporter


def number_of(case: Case, reporter: Reporter) -> int:
    """Returns the place of a reporter among those of the case, from 1."""
    return case.reporters.index(reporter) + 1


def may_read(row: CaseHistory, number: int) -> bool:
    """Tells whether a reporter may read the note of a history row: public, and not between staff and another."""
    personal = row.actor_kind == "resident" or row.action in PERSONAL
    whose = row.after.get("reporter", 1 if personal else None)
    return row.public and whose in (None, number)
