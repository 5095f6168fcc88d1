"""Headers of the console: its pages stay out of other sites' frames, its assets stay in the browser."""

from nicegui import __version__
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# NiceGUI's own cache headers miss their mark under a mount path: it looks for its assets at the root.
_ASSETS = f"/_nicegui/{__version__}/"
_KEEP = "private, max-age=31536000, immutable"
_FRAMES = "frame-ancestors 'self'; form-action 'self'; base-uri 'self'; object-src 'none'"


class ConsoleHeaders:
    """Sets the headers of every answer of the console."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request; websockets pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _FRAMES
                if _ASSETS in scope["path"] and message["status"] == 200:
                    headers["Cache-Control"] = _KEEP
            await send(message)

        await self._app(scope, receive, with_headers)
