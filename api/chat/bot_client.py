"""The one way to Rasa: its channel behind a shared secret, on connections that stay open."""

from base64 import b64encode
from dataclasses import dataclass

import httpx
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, ValidationError

from api.chat.lines import Line
from api.settings import Settings
from api.triage.service import get_triager

EMERGENCY_SECONDS = 5.0
"""How long the bot may think when the text looks like a danger: the number to ring must not wait longer."""


class BotDownError(Exception):
    """The bot gave no usable answer and has not kept the message: it is to be sent again later.

    Attributes:
        refused: the bot was reached and said no, so the message itself may be at fault.
    """

    def __init__(self, reason: str, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class _Button(BaseModel):
    title: str
    payload: str


class _Message(BaseModel):
    text: str = ""
    quick_replies: list[_Button] = Field(default_factory=list)
    case_no: str | None = None
    draft_done: bool = False


class _Answer(BaseModel):
    messages: list[_Message]


@dataclass(frozen=True)
class BotAnswer:
    """What the bot said; ``done`` when the appeal is finished and the next message begins another."""

    lines: list[Line]
    case_no: str | None
    done: bool


class BotClient:
    """Talks to the bot; one for each event loop, since open connections belong to a loop."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.bot_timeout_seconds
        self._actions_url = settings.actions_url
        self._http = httpx.AsyncClient(
            base_url=settings.bot_url,
            headers={"X-Laoxian-Secret": settings.bot_secret.get_secret_value()},
            timeout=httpx.Timeout(self._timeout, connect=2.0),
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=64),
            trust_env=False,
        )

    async def send(self, draft_id: str, message_id: str, text: str, attachments: int, urgent: bool) -> BotAnswer:
        """Sends one message of a draft and returns the answer.

        Args:
            draft_id: the sender that Rasa knows.
            message_id: the same at every attempt, so that the channel can tell a repetition.
            text: at most 1000 characters, no command.
            attachments: how many the resident added.
            urgent: answer within seconds or not at all.

        Raises:
            BotDownError: no connection, too slow, an error status, an empty or an unreadable answer.
        """
        payload = {
            "sender": draft_id,
            "message": text,
            "metadata": {"attachments": attachments, "message_id": message_id},
            "vector": await run_in_threadpool(_vector, text),
        }
        seconds = min(EMERGENCY_SECONDS, self._timeout) if urgent else self._timeout
        try:
            response = await self._http.post(
                "/webhooks/laoxian/webhook", json=payload, timeout=httpx.Timeout(seconds, connect=2.0)
            )
        except httpx.HTTPError as error:
            raise BotDownError(type(error).__name__) from error
        if response.status_code != 200:
            raise BotDownError(f"status {response.status_code}", refused=True)
        try:
            messages = _Answer.model_validate_json(response.content).messages
        except ValidationError as error:
            raise BotDownError("unreadable answer", refused=True) from error
        lines = [
            Line(one.text, [quick.model_dump() for quick in one.quick_replies], one.case_no)
            for one in messages
            if one.text.strip()
        ]
        if not lines:
            raise BotDownError("empty answer", refused=True)
        case_no = next((one.case_no for one in messages if one.case_no), None)
        return BotAnswer(lines, case_no, bool(case_no) or any(one.draft_done for one in messages))

    async def healthy(self) -> bool:
        """Tells whether bot and action server both say that they are well."""
        try:
            bot = await self._http.get("/webhooks/laoxian/", timeout=2.0)
            actions = await self._http.get(f"{self._actions_url}/health", timeout=2.0)
        except httpx.HTTPError:
            return False
        return bot.status_code == actions.status_code == 200

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()


def _vector(text: str) -> dict[str, str]:
    """Returns the sentence vector in base64 and the version of the model that it is from.

    The triage that follows needs it too, so one run serves both sides.
    """
    encoder = get_triager().encoder
    return {"model": encoder.version, "base64": b64encode(encoder.embed([text])[0].tobytes()).decode()}
