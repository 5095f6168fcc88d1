"""One message, one transaction: a turn in which an action failed leaves no trace in Rasa.

Rasa itself goes on after a failed action: it submits an empty form when validation answers 500, and says nothing when
the action server is down. Here the failure is noted, the tracker is not saved and the channel answers 503; the front
keeps the message and sends it again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog
from rasa.core.actions.action import ActionExecutionRejection, RemoteAction

log = structlog.get_logger(__name__)


@dataclass
class Turn:
    """The state of the turn in progress.

    Attributes:
        failed: an action of it has failed.
        vectors: unit-length sentence vector of its message, (hidden,), by the version of the model that made it;
            empty where the caller has sent none along.
    """

    failed: bool = False
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)


current_turn: ContextVar[Turn] = ContextVar("current_turn")


def turn_failed() -> bool:
    """Tells whether an action of the turn in progress has failed; False outside a turn."""
    turn = current_turn.get(None)
    return turn is not None and turn.failed


def fail_turn() -> None:
    """Marks the turn in progress as failed; does nothing outside a turn."""
    current_turn.get(Turn()).failed = True


def install() -> None:
    """Makes every remote action note its failure, and check only the outline of its result.

    Rasa checks each reply against a JSON schema that it builds anew: 76 % of a conversation's CPU time
    (rasa_notes.md), and still a fifth when built once. An event that is none fails a line later, in deserialising.
    """
    run = RemoteAction.run

    def validate_result(_self: RemoteAction, result: dict[str, Any]) -> bool:
        parts = [*result["events"], *result["responses"]]
        if not all(isinstance(part, dict) for part in parts):
            raise ValueError("action server: events and responses must be lists of objects")
        return True

    async def run_noting_failure(self: RemoteAction, *args: Any, **kwargs: Any) -> Any:
        try:
            return await run(self, *args, **kwargs)
        except ActionExecutionRejection:
            raise
        except Exception as error:
            fail_turn()
            log.error("bot.action.failed", action=self.name(), error=type(error.__cause__ or error).__name__)
            raise

    RemoteAction._validate_action_result = validate_result
    RemoteAction.run = run_noting_failure
