"""The console's side of sign-on by an identity provider: there, and back with a session."""

from datetime import datetime

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from nicegui import app

from api.accounts.models import StaffSession, User
from api.accounts.oidc import account_of, begin, name_from
from api.columns import utcnow
from api.console.session import Seat, first_page, local_path, seat, sit_down, take_seat
from api.db import session_factory
from api.errors import Problem


@app.get("/oidc", include_in_schema=False)
async def start(request: Request, wanted: str = "/") -> Response:
    """Sends the browser to the provider."""
    root = request.scope.get("root_path", "")
    try:
        redirect = await begin(request, f"{request.url.scheme}://{request.url.netloc}{root}/oidc/callback")
    except Problem as problem:
        request.session["notice"] = problem.detail
        return RedirectResponse(f"{root}/login", 303)
    request.session["wanted"] = local_path(wanted)
    return redirect


@app.get("/oidc/callback", include_in_schema=False)
async def back(request: Request) -> Response:
    """Opens a session for the account for which the provider vouches."""
    root, path = request.scope.get("root_path", ""), local_path(request.session.pop("wanted", "/"))
    now = utcnow()
    try:
        name = await name_from(request)
        user, session = await run_in_threadpool(_enter, name, seat(request), now)
    except Problem as problem:
        request.session.update({"notice": problem.detail, "wanted": path})
        return RedirectResponse(f"{root}/login", 303)
    sit_down(request, session, now)
    return RedirectResponse(f"{root}{first_page(path, user, request)}", 303)


def _enter(name: str, place: Seat, now: datetime) -> tuple[User, StaffSession]:
    with session_factory()() as db:
        user = account_of(db, name, place.address, now)
        return user, take_seat(db, user, place, now)
