"""Turns of one conversation run one at a time, across processes while Redis lives, within each process always."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

log = structlog.get_logger(__name__)


class Lease:
    """A turn's hold on its conversation; ``held`` is False when somebody else kept it for too long."""

    def __init__(self, held: bool, lock: Lock | None = None) -> None:
        self.held = held
        self._lock = lock

    async def renew(self) -> bool:
        """Starts the time to live anew before the next long step; False when the lease has been lost."""
        if self._lock is None:
            return self.held
        try:
            await self._lock.reacquire()
        except LockError:
            self.held = False
        except RedisError:
            log.warning("chat.lock.redis_down")
        return self.held

    async def release(self) -> None:
        """Gives the conversation free; what cannot be released runs out by itself."""
        if self._lock is not None:
            try:
                await self._lock.release()
            except RedisError:
                log.info("chat.lock.not_released")


class TurnLocks:
    """Locks by conversation.

    The lock of the process comes first: two tabs on one process then wait without polling Redis.
    """

    def __init__(self, redis: Redis, wait_seconds: float, hold_seconds: float) -> None:
        self._redis, self._wait, self._hold = redis, wait_seconds, hold_seconds
        self._local: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[Lease]:
        """Yields a lease on ``key``, waiting at most the bounded time; without Redis the process's own lock must do."""
        local = self._local.setdefault(key, asyncio.Lock())
        self._users[key] = self._users.get(key, 0) + 1
        try:
            try:
                await asyncio.wait_for(local.acquire(), self._wait)
            except TimeoutError:
                yield Lease(held=False)
                return
            try:
                lease = await self._shared(key)
                try:
                    yield lease
                finally:
                    await lease.release()
            finally:
                local.release()
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._local[key]

    async def _shared(self, key: str) -> Lease:
        lock = self._redis.lock(f"laoxian:turn:{key}", timeout=self._hold, sleep=0.05, thread_local=False)
        try:
            if await lock.acquire(blocking_timeout=self._wait):
                return Lease(held=True, lock=lock)
            return Lease(held=False)
        except RedisError:
            log.warning("chat.lock.redis_down")
            return Lease(held=True)
