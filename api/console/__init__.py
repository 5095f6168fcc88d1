"""The staff console at ``/console`` (NiceGUI): queue, case page, board, conversations, feedback.

Pages only show and ask; what may be seen and done is decided by the same services as the HTTP interface, through
``api.console.data``, ``api.console.chat_data`` and ``api.console.feedback_data``.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from nicegui import app as console_app
from nicegui import ui
from nicegui.storage import Storage

from api.console import (
    board_page,
    case_page,
    chats_page,
    curation_page,
    drift_page,
    feedback_page,
    forms,
    grid_page,
    login_page,
    mentions_page,
    oidc_routes,
    orders_page,
    queue_page,
    sessions_page,
)
from api.console.frame import install_errors
from api.console.headers import ConsoleHeaders
from api.console.session import SESSION_SECONDS
from api.settings import get_settings
from api.web import STATIC

__all__ = ["mount_console"]

MOUNT = "/console"
PAGES = (
    login_page,
    queue_page,
    case_page,
    chats_page,
    feedback_page,
    curation_page,
    drift_page,
    board_page,
    orders_page,
    grid_page,
    forms,
    mentions_page,
    oidc_routes,
    sessions_page,
)


def mount_console(app: FastAPI) -> None:
    """Serves the console at ``/console``. Call it before anything that takes every path left.

    NiceGUI keeps one application a process; where the service is built again (tests do), its middleware is laid anew.
    """
    settings = get_settings()
    # The sessions' own key: a leak of one secret must not open the other door.
    secret = hashlib.sha256(b"console:" + settings.token_secret.get_secret_value().encode()).hexdigest()
    Storage.path = settings.data_dir / "console-sessions"
    Storage.path.mkdir(parents=True, exist_ok=True)
    _forget_old(Storage.path)
    console_app.user_middleware.clear()
    console_app.middleware_stack = None
    install_errors(console_app)
    console_app.add_middleware(ConsoleHeaders)
    # A mount answers only below its slash, and the residents' page takes every path that is left.
    app.add_api_route(MOUNT, _to_slash, include_in_schema=False)
    ui.run_with(
        app,
        mount_path=MOUNT,
        title="崂先办",
        language="zh-CN",
        favicon=STATIC / "icon.svg",
        tailwind=False,
        reconnect_timeout=30,
        storage_secret=secret,
        session_middleware_kwargs=_cookie(),
        show_welcome_message=False,
    )


def _forget_old(folder: Path) -> None:
    """Removes what is left of sessions whose cookie has expired."""
    for file in folder.glob("storage-user-*.json"):
        if file.stat().st_mtime < time.time() - SESSION_SECONDS:
            file.unlink(missing_ok=True)


def _cookie() -> dict[str, Any]:
    return {"session_cookie": "laoxian_console", "path": MOUNT, "max_age": SESSION_SECONDS, "same_site": "lax"}


def _to_slash() -> RedirectResponse:
    return RedirectResponse(f"{MOUNT}/")
