"""The residents' page and the chat widget, as static files with strict headers."""

from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).resolve().parent / "static"
CHAT_PATHS = "/api/v1/chat/"

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
    # Other sites load the widget's modules from here.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    # Revalidated at each load, which costs a 304: a new version reaches everybody at once.
    "Cache-Control": "no-cache",
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


class ChatCors:
    """Lets pages of any site call the chat, and nothing else: its key is a bearer token, never a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
            max_age=86_400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        cross = scope["type"] == "http" and scope["path"].startswith(CHAT_PATHS) and "origin" in Headers(scope=scope)
        await (self._open if cross else self._app)(scope, receive, send)


def mount_web(app: FastAPI) -> None:
    """Serves the page at ``/`` and opens the chat interface to other sites. Call it last: it takes every path left."""
    app.add_middleware(ChatCors)
    app.mount("/", _Files(directory=STATIC, html=True), name="web")
