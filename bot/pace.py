"""Spares a turn the work that Rasa repeats at each message and this bot never needs; measured by ``make bench``."""

from __future__ import annotations

from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

import aiohttp
import rasa
import rasa.core.processor
import rasa.shared.utils.common
from rasa.core.actions.action import RemoteAction
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import DEFAULT_REQUEST_TIMEOUT, EndpointConfig

IDLE_SECONDS = 2.0


class OrderedGraphRunner(DaskGraphRunner):
    """Runs the graph's nodes one after another, in an order worked out once: dask plans it anew at each message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Makes the nodes as the parent does."""
        super().__init__(*args, **kwargs)
        self._orders: dict[tuple[str, ...], list[str]] = {}

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """Returns the outputs of ``targets`` by name.

        Raises:
            GraphRunError: an input has a node's name, or a node met a ``RuntimeError``.
        """
        wanted = tuple(targets or self._graph_schema.target_names)
        given = inputs or {}
        if clash := given.keys() & self._instantiated_nodes.keys():
            raise GraphRunError(f"inputs named as nodes: {sorted(clash)}")
        done: dict[str, tuple[str, Any]] = {name: (name, value) for name, value in given.items()}
        try:
            for name in self._order(wanted):
                needs = self._graph_schema.nodes[name].needs.values()
                done[name] = self._instantiated_nodes[name](*(done.get(need, need) for need in needs))
        except RuntimeError as error:
            raise GraphRunError("Error running runner.") from error
        return dict(done[name] for name in wanted)

    def _order(self, targets: tuple[str, ...]) -> list[str]:
        if targets not in self._orders:
            nodes = self._graph_schema.minimal_graph_schema(list(targets)).nodes
            graph = {name: [need for need in node.needs.values() if need in nodes] for name, node in nodes.items()}
            self._orders[targets] = list(TopologicalSorter(graph).static_order())
        return self._orders[targets]


def _call(self: RemoteAction, tracker: DialogueStateTracker, _domain: Domain) -> dict[str, Any]:
    """Returns what our actions read: slots and the last two messages, not the whole history and the domain."""
    return {
        "next_action": self._name,
        "sender_id": tracker.sender_id,
        "tracker": {**tracker.current_state(), "events": _lately(tracker)},
        "domain": {},
        "version": rasa.__version__,
    }


def _lately(tracker: DialogueStateTracker) -> list[dict[str, Any]]:
    """Returns what was said from the resident's last message but one on, both sides, oldest first."""
    said: list[dict[str, Any]] = []
    messages = 0
    for event in reversed(tracker.events):
        if isinstance(event, (UserUttered, BotUttered)):
            said.append(event.as_dict())
            messages += isinstance(event, UserUttered)
        if messages == 2:
            break
    return said[::-1]


class _KeptOpen:
    """Hands out one session again and again: Rasa opens a connection to the action server for each of its calls."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Takes the session to share."""
        self._session = session

    async def __aenter__(self) -> aiohttp.ClientSession:
        """Returns the open session."""
        return self._session

    async def __aexit__(self, *_error: object) -> None:
        """Leaves the session open."""


@lru_cache(maxsize=None)
def _session() -> _KeptOpen:
    # Dropped well before the server's own limit (Sanic: 5 s), or a call could meet a connection that is just closing.
    connector = aiohttp.TCPConnector(keepalive_timeout=IDLE_SECONDS)
    timeout = aiohttp.ClientTimeout(total=DEFAULT_REQUEST_TIMEOUT)
    return _KeptOpen(aiohttp.ClientSession(connector=connector, timeout=timeout))


async def close() -> None:
    """Closes what is kept open; to be called when the server stops."""
    if _session.cache_info().currsize:
        async with _session() as session:
            await session.close()


def install() -> None:
    """Puts the savings in place; to be called before a model is loaded."""
    rasa.core.processor.DaskGraphRunner = OrderedGraphRunner
    # Looked up for every stored event of the conversation at every message; no event class appears at run time.
    rasa.shared.utils.common.all_subclasses = lru_cache(maxsize=None)(rasa.shared.utils.common.all_subclasses)
    RemoteAction._action_call_format = _call
    EndpointConfig.session = lambda _self: _session()
