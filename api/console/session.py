"""Who sits at a page of the console: signing in and out, idle expiry, the check before every call."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from nicegui import app, background_tasks, run
from sqlalchemy.orm import Session

from api.accounts.models import ROLE_NAMES, Role, StaffSession, User
from api.accounts.service import sign_in
from api.accounts.sessions import open_session
from api.columns import utcnow
from api.console import sessions_data
from api.console.data import Ticket, whoami
from api.db import session_factory
from api.errors import Problem
from api.settings import get_settings

SESSION_SECONDS = 12 * 3600
TOUCH_SECONDS = 30

P = ParamSpec("P")
T = TypeVar("T")


class SignInNeededError(Exception):
    """Nobody is signed in at this page; it leads to the login and back."""


@dataclass
class Desk:
    """A page of a signed-in staff member.

    Attributes:
        user: the account as it was when the page was opened; every call reads it again.
    """

    user: User

    @property
    def role(self) -> Role:
        """The role by which the page shows what it shows."""
        return Role(self.user.role)

    @property
    def role_name(self) -> str:
        """The role in Chinese."""
        return ROLE_NAMES[self.role]

    async def run(self, job: Callable[Concatenate[Ticket, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function of ``api.console.data`` for this staff member in a thread.

        Raises:
            Problem: 401 when the session has expired or the account is switched off, and whatever ``job`` raises.
        """
        result = await run.io_bound(job, ticket(utcnow()), *args, **kwargs)
        return result  # type: ignore[return-value]  # None only while the process is going down

    def touch(self) -> None:
        """Keeps the session alive: the person at the page did something."""
        kept, now = app.storage.user, utcnow()
        if kept.get("user") and now.timestamp() - kept.get("seen", 0) > TOUCH_SECONDS:
            kept["seen"] = now.timestamp()
            background_tasks.create(run.io_bound(sessions_data.seen, str(kept.get("session")), now))

    async def leave(self) -> None:
        """Signs out, in every tab."""
        await self.run(sessions_data.end, ticket(utcnow()).session_id, utcnow())
        app.storage.user.clear()


def ticket(now: datetime) -> Ticket:
    """Returns who is signed in in this browser; raises ``Problem`` 401 for nobody, or after too long a silence."""
    kept, cookie = app.storage.user, app.storage.browser
    idle = get_settings().token_minutes * 60
    # The cookie must hold the key that this sign-in gave out: one planted in the browser before it opens nothing.
    if not kept.get("user") or not secrets.compare_digest(str(kept.get("key")), str(cookie.get("key"))):
        raise Problem(401, "请先登录")
    if now.timestamp() - float(kept.get("seen", 0)) > idle:
        raise Problem(401, "太久没有操作，请重新登录")
    return Ticket(str(kept["user"]), str(kept.get("session")))


def signed_in(request: Request) -> Desk:
    """Returns the desk of a page; raises ``SignInNeededError`` when nobody is signed in."""
    now = utcnow()
    try:
        user = whoami(ticket(now))
        sessions_data.seen(ticket(now).session_id, now)
    except Problem as problem:
        if app.storage.user.get("user"):
            request.session["notice"] = problem.detail
        raise SignInNeededError from problem
    app.storage.user["seen"] = now.timestamp()
    return Desk(user)


CurrentDesk = Annotated[Desk, Depends(signed_in)]


def desk_of(*roles: Role) -> Callable[[Desk], Desk]:
    """Returns a dependency that opens a page to ``roles`` only; everybody else gets a ``Problem`` 403."""

    def check(desk: CurrentDesk) -> Desk:
        if desk.role not in roles:
            raise Problem(403, "您的岗位没有这一页")
        return desk

    return check


def local_path(wanted: str) -> str:
    """Returns a path within the console, ``/`` for anything that leads elsewhere."""
    fine = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if fine and not wanted.startswith("/login") else "/"


@app.post("/sign-in", include_in_schema=False)
async def log_in(
    request: Request,
    username: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    wanted: Annotated[str, Form()] = "/",
) -> Response:
    """Checks name and password and opens a session; a plain form, so that password managers know it."""
    root, path = request.scope.get("root_path", ""), local_path(wanted)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "请从登录页登录")
    now = utcnow()
    try:
        user, session = await run_in_threadpool(_check, username.strip(), password, now, seat(request))
    except Problem as problem:
        request.session.update({"notice": problem.detail, "username": username.strip()[:64], "wanted": path})
        return RedirectResponse(f"{root}/login", 303)
    sit_down(request, session, now)
    return RedirectResponse(f"{root}{first_page(path, user, request)}", 303)


@dataclass(frozen=True)
class Seat:
    """From where somebody signs in."""

    address: str
    agent: str


def seat(request: Request) -> Seat:
    """Returns from where a request comes."""
    return Seat(request.client.host if request.client else "", request.headers.get("user-agent", ""))


def sit_down(request: Request, session: StaffSession, now: datetime) -> None:
    """Gives this browser to a session that has just been opened."""
    key = secrets.token_urlsafe(24)
    request.session["key"] = key
    for name in ("notice", "username", "wanted"):
        request.session.pop(name, None)
    kept: dict[str, Any] = app.storage.user
    kept.update({"user": session.user_id, "session": session.id, "key": key, "seen": now.timestamp()})


def take_seat(db: Session, user: User, place: Seat, now: datetime) -> StaffSession:
    """Opens a session of the console and commits."""
    lasts = timedelta(seconds=SESSION_SECONDS)
    session = open_session(db, user, "console", lasts, now, agent=place.agent, address=place.address)
    db.commit()
    return session


def first_page(path: str, user: User, request: Request) -> str:
    """Returns where a sign-in leads: a grid worker who came by no address of his own, on a phone, to the phone page."""
    phone = request.headers.get("sec-ch-ua-mobile") == "?1" or "Mobi" in request.headers.get("user-agent", "")
    return "/grid" if path == "/" and user.role == Role.GRID and phone else path


def _check(username: str, password: str, now: datetime, place: Seat) -> tuple[User, StaffSession]:
    with session_factory()() as db:
        user = sign_in(db, username, password, now, place.address)
        return user, take_seat(db, user, place, now)
