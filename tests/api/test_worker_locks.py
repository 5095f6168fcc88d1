"""What a killed worker leaves behind must not stop the next one."""

import pytest
from redis import Redis

from api import worker


@pytest.fixture
def redis(redis_server):
    """The Redis of the worker, empty."""
    connection = Redis.from_url(redis_server)
    connection.flushall()
    return connection


@pytest.mark.parametrize(
    ("task", "inside"),
    [
        ("sweep", "deliver_due"),
        ("emergencies", "file_silent_emergencies"),
        ("deadlines", "show_cards"),
        ("photos", "sweep_photos"),
        ("retention", "erase_due"),
        ("send", "send_due"),
        ("orders", "remind_overdue"),
    ],
)
def test_every_lock_ends_by_itself(redis, sessions, monkeypatch, task, inside):
    seen = []

    def killed(*_args):
        seen.extend(redis.ttl(key) for key in redis.keys("*lock*"))
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, inside, killed)
    with pytest.raises(KeyboardInterrupt):
        getattr(worker, task).call_local()
    assert len(seen) == 1
    assert 0 < seen[0] <= worker.LOCK_SECONDS
