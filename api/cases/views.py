"""What leaves the service about a case: one shape, masked for whoever looks."""

from datetime import datetime
from typing import Any

from api.accounts.deps import Actor
from api.accounts.models import Role
from api.cases.deadlines import is_overdue
from api.cases.models import Case, CaseHistory, Reporter
from api.cases.numbers import LOCAL
from api.cases.reporters import acting, may_read, number_of
from api.cases.workflow import get_workflow
from api.crypto import mask_name, mask_numbers, mask_phone

# What a reporter reads of a change; the rest is between the departments.
_PUBLIC_CHANGES = ("status", "department", "due_at", "stars", "parts")


def local_iso(moment: datetime | None) -> str | None:
    """Returns a moment in Asia/Shanghai, ISO 8601 with offset."""
    return moment.astimezone(LOCAL).isoformat(timespec="seconds") if moment else None


def case_summary(case: Case, now: datetime, role: str) -> dict[str, Any]:
    """Returns a case as lists show it; reporter and numbers masked."""
    return {
        "no": case.no,
        "status": case.status,
        "kind": case.kind,
        "category": case.category,
        "subcategory": case.subcategory,
        "urgency": case.urgency,
        "department": case.department,
        "co_departments": case.co_departments,
        "level": case.level,
        "place": {"text": case.place_text, "street": case.street, "community": case.community, "grid": case.grid},
        "description": case.description,
        "reporter": _reporter(case.reporter, role),
        "followers": case.followers,
        "source": case.source,
        "created_at": local_iso(case.created_at),
        "due_at": local_iso(case.due_at),
        "overdue": is_overdue(case, now),
        "needs_review": case.needs_review,
        "flags": _flags(case),
    }


def similar_view(case: Case, now: datetime, role: str, *, near: bool) -> dict[str, Any]:
    """Returns a case beside a similar one: what it was and how it was answered; ``near`` may be the same matter."""
    view = case_summary(case, now, role)
    kept = ("no", "status", "category", "subcategory", "department", "place", "description", "created_at", "followers")
    return {name: view[name] for name in kept} | {
        "near": near,
        "answer": mask_numbers(case.answer) if case.answer else None,
        "stars": case.reporter.stars,
        "closed_at": local_iso(case.closed_at),
    }


def case_view(case: Case, viewer: Actor, now: datetime) -> dict[str, Any]:
    """Returns one case in full, as ``viewer`` may see it.

    The reporter is always masked here: the reveal endpoint is the way to the number. A resident reads only the public
    rows of the history.
    """
    view = case_summary(case, now, viewer.role)
    resident = viewer.kind == "resident"
    number = number_of(case, acting(case, viewer, None))
    rows = [row for row in case.history if may_read(row, number) or not resident]
    view |= {
        "answer": mask_numbers(case.answer) if case.answer else None,
        "merged_into": case.merged_into,
        "closed_at": local_iso(case.closed_at),
        "stars": case.reporter.stars,
        "history": [_history(row, resident) for row in rows],
    }
    if not resident:
        view["reporters"] = [_several(case, one, viewer.role) for one in case.reporters]
        view["triage"] = _triage(case)
        view["dispatch_due_at"] = local_iso(case.dispatch_due_at)
        view["first_action_due_at"] = local_iso(case.first_action_due_at)
        view["actions"] = get_workflow().actions(case.status, viewer.role)
    return view


def _several(case: Case, reporter: Reporter, role: str) -> dict[str, Any]:
    return _reporter(reporter, role) | {
        "number": number_of(case, reporter),
        "main": reporter is case.reporter,
        "called_back_at": local_iso(reporter.called_back_at),
        "stars": reporter.stars,
        "left_at": local_iso(reporter.left_at),
    }


def _reporter(reporter: Reporter, role: str) -> dict[str, Any]:
    if role == Role.TRAINER:
        return {"name": None, "phone": None, "anonymous": reporter.anonymous}
    return {
        "name": mask_name(reporter.name),
        "phone": mask_phone(reporter.phone),
        "anonymous": reporter.anonymous,
    }


def _flags(case: Case) -> dict[str, Any]:
    return {
        "yellow_at": local_iso(case.yellow_at),
        "red_at": local_iso(case.red_at),
        "supervised_at": local_iso(case.supervised_at),
        "urged_count": case.urged_count,
        "returned_count": case.returned_count,
        "reopened_count": case.reopened_count,
        "extension_asked": case.extension_asked,
        "extension_days": case.extension_days,
    }


def _triage(case: Case) -> dict[str, Any]:
    overrides = [
        {"at": local_iso(one.at), "actor_id": one.actor_id, "decided": one.decided, "reason": one.reason}
        for one in case.overrides
    ]
    return case.suggestion | {"overrides": overrides}


def _history(row: CaseHistory, resident: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "seq": row.seq,
        "at": local_iso(row.at),
        "action": row.action,
        "actor": {"kind": row.actor_kind, "role": row.actor_role},
        "before": row.before,
        "after": row.after,
        "note": mask_numbers(row.note) if row.note else None,
    }
    if resident:
        for side in ("before", "after"):
            item[side] = {key: value for key, value in item[side].items() if key in _PUBLIC_CHANGES}
        return item
    item["actor"]["id"] = row.actor_id
    return item | {"hash": row.hash}
