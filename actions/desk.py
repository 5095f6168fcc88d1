"""The action server's view of the API: triage, drafts, filing, follow-ups, all over HTTP."""

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx

from actions.settings import Settings


class RefusedError(Exception):
    """The API understood and said no: ``status`` is its HTTP status, the message its Chinese reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Desk:
    """The calls of a conversation. A dead or failing API raises ``httpx.HTTPError``: the turn fails and is kept."""

    def __init__(self, settings: Settings) -> None:
        """Opens the connection pool."""
        self._client = httpx.AsyncClient(
            base_url=f"{settings.api_url}/internal/v1",
            headers={"X-Laoxian-Secret": settings.internal_secret.get_secret_value()},
            timeout=settings.api_timeout_seconds,
        )

    async def triage(self, text: str, place: str | None = None) -> dict[str, Any]:
        """Returns the triage of ``text``."""
        return await self._send("POST", "/triage", {"text": text, "place": place})

    async def save_draft(self, sender: str, draft: dict[str, Any]) -> None:
        """Keeps what is known so far of an emergency, so that it is filed even if the resident falls silent."""
        await self._send("PUT", f"/drafts/{quote(sender)}", draft)

    async def file(self, sender: str, draft: dict[str, Any]) -> dict[str, Any]:
        """Files the draft and returns the case; the same draft gives the same case."""
        return await self._send("POST", f"/drafts/{quote(sender)}/file", draft)

    async def similar(self, sender: str, description: str, place_text: str | None) -> list[dict[str, Any]]:
        """Returns at most two open cases that look like the same event, best first; ``own`` are this resident's."""
        asked = {"description": description, "place_text": place_text}
        found: list[dict[str, Any]] = (await self._send("POST", f"/drafts/{quote(sender)}/similar", asked))["similar"]
        return found

    async def follow(self, sender: str, case_no: str, who: dict[str, Any]) -> dict[str, Any]:
        """Joins the resident to a case that ``similar`` offered; raises ``RefusedError`` 404 for any other."""
        return await self._send("POST", f"/drafts/{quote(sender)}/follow", {"case_no": case_no, **who})

    async def cases(self, sender: str) -> list[dict[str, Any]]:
        """Returns the cases that this conversation owns, newest first."""
        found: list[dict[str, Any]] = (await self._send("GET", f"/drafts/{quote(sender)}/cases"))["cases"]
        return found

    async def lookup(self, sender: str, case_no: str, phone_last4: str) -> dict[str, Any]:
        """Returns a case after proof of ownership; raises ``RefusedError`` 404 or 429."""
        return await self._send(
            "POST", f"/drafts/{quote(sender)}/lookup", {"case_no": case_no, "phone_last4": phone_last4}
        )

    async def act(self, sender: str, case_no: str, action: str, **fields: Any) -> dict[str, Any]:
        """Does a resident's move on an owned case; raises ``RefusedError`` 404, 409 or 429."""
        path = f"/drafts/{quote(sender)}/cases/{quote(case_no)}/actions"
        return await self._send("POST", path, {"action": action, **fields})

    async def call_human(self, sender: str, reason: str) -> bool:
        """Asks for a person; returns whether one is on duty."""
        answer = await self._send("POST", f"/drafts/{quote(sender)}/human", {"reason": reason})
        return bool(answer["available"])

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = await self._client.request(method, path, json=body)
        if response.status_code in (404, 409, 422, 429):
            raise RefusedError(response.status_code, response.json().get("detail", ""))
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


@lru_cache
def get_desk() -> Desk:
    """Returns the one client of this process."""
    return Desk(Settings())  # type: ignore[call-arg]
