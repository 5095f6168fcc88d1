"""The only way into Rasa: a channel on loopback that asks for a shared secret and answers a whole turn at once."""

from __future__ import annotations

import hmac
from base64 import b64decode
from json import dumps, loads
from typing import Any, Awaitable, Callable

import numpy as np
import redis
import structlog
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json

from bot import pace
from bot.turn import Turn, current_turn

MAX_CHARS = 1000
_ANSWER = "laoxian:answer:"
_DAY = 24 * 3600

log = structlog.get_logger(__name__)


class TurnOutput(OutputChannel):
    """Collects the messages of one turn in the shape that the front returns to the resident."""

    def __init__(self) -> None:
        """Starts empty."""
        self.messages: list[dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        """Returns the channel's name for conditional responses."""
        return "laoxian"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Keeps one bot message; what its ``custom`` holds (``case_no``, ``draft_done``) joins the last one."""
        custom = {key: value for key, value in (message.get("custom") or {}).items() if value}
        text = (message.get("text") or "").strip()
        if text:
            replies = [
                {"title": button["title"], "payload": button.get("payload") or button["title"]}
                for button in message.get("buttons") or []
            ]
            self.messages.append({"text": text, "quick_replies": replies, **custom})
        elif custom and self.messages:
            self.messages[-1].update(custom)


class LaoxianChannel(InputChannel):
    """``POST /webhooks/laoxian/webhook {sender, message, vector?}`` → ``{messages: […]}``; 503 when the turn failed.

    After a 503 Rasa has kept nothing of the message: the caller may send it again. A message that went through, but
    whose answer was lost on the way, is known by ``metadata.message_id`` and answered from memory.
    """

    def __init__(self, secret: str, redis_url: str) -> None:
        """Refuses to start without a secret; connects to Redis lazily."""
        if len(secret) < 16:
            raise ValueError("LAOXIAN_BOT_SECRET 太短：至少 16 个字符")
        self._secret = secret
        self._answers = Answers(redis_url)

    @classmethod
    def name(cls) -> str:
        """Returns the channel's name: part of its address."""
        return "laoxian"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> InputChannel:
        """Makes the channel from ``credentials.yml``."""
        given = credentials or {}
        return cls(secret=str(given.get("secret", "")), redis_url=str(given.get("redis_url", "")))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Returns the routes of the channel."""
        webhook = Blueprint("laoxian_webhook", __name__)

        @webhook.route("/", methods=["GET"])
        async def health(_request: Request) -> HTTPResponse:
            return json({"status": "ok"})

        @webhook.route("/webhook", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            if not hmac.compare_digest(request.headers.get("X-Laoxian-Secret", "").encode(), self._secret.encode()):
                return json({"detail": "not found"}, status=404)
            body = request.json or {}
            sender, text = body.get("sender"), body.get("message")
            if not isinstance(sender, str) or not sender or not isinstance(text, str) or not text.strip():
                return json({"detail": "sender 和 message 必填"}, status=422)
            turn = Turn(vectors=_vectors(body.get("vector")))
            return await self._turn(on_new_message, turn, sender, text, body.get("metadata") or {})

        @webhook.listener("after_server_stop")
        async def close(_app: Sanic, _loop: object) -> None:
            await pace.close()

        return webhook

    async def _turn(
        self,
        on_new_message: Callable[[UserMessage], Awaitable[Any]],
        turn: Turn,
        sender: str,
        text: str,
        metadata: dict[str, Any],
    ) -> HTTPResponse:
        message_id = str(metadata.get("message_id") or "")
        if (known := self._answers.of(sender, message_id)) is not None:
            return json({"messages": known})
        output = TurnOutput()
        token = current_turn.set(turn)
        try:
            # The NLU reads the normal form; the case keeps the words as they were typed.
            typed = {**metadata, "typed": text.strip()[:MAX_CHARS]}
            await on_new_message(UserMessage(plain(text), output, sender, input_channel=self.name(), metadata=typed))
        except Exception as error:  # the message must survive whatever broke
            log.error("bot.turn.failed", error=type(error).__name__)
            turn.failed = True
        finally:
            current_turn.reset(token)
        if turn.failed or not output.messages:
            return json({"detail": "turn failed"}, status=503)
        messages = buttons_last(output.messages)
        self._answers.keep(sender, message_id, messages)
        return json({"messages": messages})


class Answers:
    """The last answer of each sender in Redis for a day; a Redis that fails costs only the memory."""

    def __init__(self, url: str) -> None:
        """Connects lazily to a ``redis://`` address."""
        self._redis = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)

    def of(self, sender: str, message_id: str) -> list[dict[str, Any]] | None:
        """Returns the answer to ``message_id`` if it was the sender's last message."""
        try:
            kept = self._redis.get(_ANSWER + sender) if message_id else None
        except redis.RedisError:
            return None
        last = loads(kept) if kept else {}
        return last["messages"] if last.get("id") == message_id else None

    def keep(self, sender: str, message_id: str, messages: list[dict[str, Any]]) -> None:
        """Keeps the answer to the sender's last message."""
        try:
            self._redis.set(_ANSWER + sender, dumps({"id": message_id, "messages": messages}), ex=_DAY)
        except redis.RedisError as error:
            log.warning("bot.answer.not_kept", error=type(error).__name__)


def buttons_last(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the messages of a turn with all buttons under the last one: a chat shows those of its last line alone."""
    offered = {reply["payload"]: reply for message in messages for reply in message["quick_replies"]}
    bare = [{**message, "quick_replies": []} for message in messages[:-1]]
    return [*bare, *({**message, "quick_replies": list(offered.values())} for message in messages[-1:])]


def _vectors(sent: Any) -> dict[str, np.ndarray]:
    """Returns a sentence vector by its model's version; empty where none came: then the bot reads the text itself."""
    return {str(sent["model"]): np.frombuffer(b64decode(sent["base64"]), np.float32)} if sent else {}


def plain(text: str) -> str:
    """Returns ``text`` as Rasa may read it: at most 1,000 characters, never a command.

    A message that starts with ``/`` would set intents and slots (``/restart``, ``/query_status{…}``).
    """
    text = text.strip()[:MAX_CHARS]
    return "／" + text[1:] if text.startswith("/") else text
