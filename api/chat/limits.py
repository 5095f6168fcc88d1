"""Rate limits of the chat, counted in Redis; without Redis nobody is turned away."""

from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.errors import Problem

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most ``count`` in each window of ``seconds``."""

    name: str
    count: int
    seconds: int


# Far above what people do: whole streets and offices share one address, and a page may send what it kept offline.
SESSIONS_PER_ADDRESS = Limit("sessions", 600, 60)
MESSAGES_PER_SESSION = Limit("messages", 120, 60)
UPLOADS_PER_SESSION = Limit("uploads", 30, 60)


async def check(redis: Redis, limit: Limit, key: str, detail: str) -> None:
    """Counts one more and lets it pass.

    Args:
        redis: where the counters live.
        limit: the limit to count against.
        key: address or conversation.
        detail: what the caller reads when it is too much; ``{seconds}`` is the time to wait.

    Raises:
        Problem: 429 with ``Retry-After``.
    """
    name = f"laoxian:limit:{limit.name}:{key}"
    try:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.set(name, 0, ex=limit.seconds, nx=True)
            pipe.incr(name)
            pipe.ttl(name)
            _, count, left = await pipe.execute()
    except RedisError:
        log.warning("chat.limit.redis_down")
        return
    if count > limit.count:
        seconds = max(int(left), 1)
        raise Problem(429, detail.format(seconds=seconds), {"Retry-After": str(seconds)})
