"""Conversation state in Redis, saved only for turns that went through."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

import redis
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SerializedTrackerAsText, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from bot.turn import fail_turn, turn_failed

_PREFIX = "laoxian:tracker:"


@contextmanager
def _failing_the_turn() -> Iterator[None]:
    """Notes a Redis that fails: Rasa would go on with a tracker in memory, and the resident's words be lost with it."""
    try:
        yield
    except redis.RedisError:
        fail_turn()
        raise


class TurnTrackerStore(TrackerStore, SerializedTrackerAsText):
    """Keeps one tracker a sender under ``laoxian:tracker:<sender>`` for ``record_exp`` seconds.

    A sender is one appeal, so its tracker is written whole: Rasa's own Redis store reads the old one back and merges it
    at each save, which costs more with each turn.
    """

    def __init__(
        self,
        domain: Domain,
        host: str,
        record_exp: int = 7 * 24 * 3600,
        event_broker: EventBroker | None = None,
        **kwargs: Any,
    ) -> None:
        """Connects lazily; ``host`` is a ``redis://`` address: Rasa hands over the endpoint's ``url`` by that name."""
        self._redis = redis.Redis.from_url(host, decode_responses=True, socket_timeout=5, socket_connect_timeout=5)
        self._seconds = int(record_exp)
        super().__init__(domain, event_broker, **kwargs)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Saves ``tracker`` unless an action of this turn failed."""
        if not turn_failed():
            with _failing_the_turn():
                self._redis.set(_PREFIX + tracker.sender_id, self.serialise_tracker(tracker), ex=self._seconds)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Returns the sender's tracker, or None when there is none or it has expired."""
        with _failing_the_turn():
            stored = self._redis.get(_PREFIX + sender_id)
        return self.deserialise_tracker(sender_id, stored) if stored else None

    async def keys(self) -> list[str]:
        """Returns the senders that have a tracker."""
        return [key[len(_PREFIX) :] for key in self._redis.scan_iter(_PREFIX + "*")]
