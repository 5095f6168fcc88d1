"""Lifting the gate before a model: two accounts, each with a reason, kept in the database and beside the model.

The service knows the accounts, ``training.gate`` the models; they meet in the model's folder: ``gate.json`` says what
blocks, ``approvals.json`` who lifted it.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.curation.models import GateApproval
from api.errors import Problem

ROLES = (Role.TRAINER, Role.SUPERVISOR, Role.ADMIN)
VERDICT, APPROVALS = "gate.json", "approvals.json"
_WHY = 500


def approve(db: Session, user: User, folder: Path, why: str, now: datetime) -> list[str]:
    """Keeps one account's approval; commits, then writes it beside the model; returns who has approved so far.

    Args:
        db: session of the database.
        user: who approves, signed in.
        folder: the candidate's folder, with the verdict of ``laoxian models compare``.
        why: the reason.
        now: the moment.

    Raises:
        Problem: 403 for another role, 404 without a verdict, 409 when nothing blocks or this account has approved,
            422 without a reason.
    """
    if user.role not in ROLES:
        raise Problem(403, "只有培训员、督办、管理员能批准")
    if not why.strip() or len(why) > _WHY:
        raise Problem(422, f"请写明理由，最多 {_WHY} 个字")
    verdict = _verdict(folder)
    if not verdict["reasons"]:
        raise Problem(409, "门槛已经过了，不用批准")
    same = select(GateApproval).where(GateApproval.verdict == verdict["id"])
    if any(one.user_id == user.id for one in db.scalars(same)):
        raise Problem(409, "您已经批准过，要另一个账号来批准")
    db.add(
        GateApproval(
            model=folder.name,
            verdict=verdict["id"],
            reasons=verdict["reasons"],
            user_id=user.id,
            why=why.strip(),
            at=now,
        )
    )
    db.commit()
    rows = db.execute(same.add_columns(User).join(User, User.id == GateApproval.user_id).order_by(GateApproval.id))
    kept = [_line(one, who) for one, who in rows.tuples()]
    (folder / APPROVALS).write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")
    return [one["username"] for one in kept]


def _line(one: GateApproval, user: User) -> dict[str, str]:
    return {
        "verdict": one.verdict,
        "user_id": user.id,
        "username": user.username,
        "why": one.why,
        "at": one.at.isoformat(),
    }


def _verdict(folder: Path) -> dict[str, Any]:
    try:
        verdict = json.loads((folder / VERDICT).read_text("utf-8"))
        return {"id": str(verdict["id"]), "reasons": list(verdict["reasons"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise Problem(404, f"{folder.name} 还没有比过：先跑 laoxian models compare {folder.name}") from None
