"""The real service with the console, in a process of its own on SQLite, and a real browser."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import Actor
from api.accounts.models import Role, User
from api.accounts.service import create_user
from api.cases.filing import Filing, file_case
from api.cases.models import Case
from api.cases.moves import apply_action
from api.columns import utcnow
from api.db import Base, make_engine
from api.triage.service import get_places
from tests.conftest import PASSWORD, FixedTriager, free_port
from tests.e2e.conftest import CHROMIUM

REPO = Path(__file__).resolve().parents[2]
LIGHTS, ROADS = "区城市管理局", "区住房和城乡建设局"
PEOPLE = {
    "clerk": ("受理员小李", Role.CLERK, None),
    "lights": ("城管小王", Role.HANDLER, LIGHTS),
    "roads": ("住建小张", Role.HANDLER, ROADS),
    "boss": ("督办老赵", Role.SUPERVISOR, None),
    "trainer": ("培训员小陈", Role.TRAINER, None),
    "trainer2": ("培训员小周", Role.TRAINER, None),
}


@dataclass
class Console:
    """A running service."""

    url: str
    sessions: sessionmaker[Session]

    def file(self, description: str, place: str = "株洲路", urgency: str = "一般", **more: Any) -> str:
        """Files a case that the table gives to ``LIGHTS``; returns its number."""
        triager = FixedTriager()
        triager.urgency = urgency
        filing = Filing(description, place, "王小明", "13800000001", False, "web", None, **more)
        with self.sessions() as db:
            resident = Actor("resident", "session", "resident")
            case, _ = file_case(db, filing, triager, get_places(), utcnow(), resident)  # type: ignore[arg-type]
            db.commit()
            return case.no

    def act(self, no: str, username: str, action: str, **fields: Any) -> None:
        """Does a workflow action behind the browser's back."""
        with self.sessions() as db:
            user = db.scalars(select(User).where(User.username == username)).one()
            case = db.scalars(select(Case).where(Case.no == no)).one()
            apply_action(db, case, action, Actor.of(user), utcnow(), **fields)
            db.commit()

    def case(self, db: Session, no: str) -> Case:
        """Reads a case."""
        return db.scalars(select(Case).where(Case.no == no)).one()


def start(folder: Path, **env: str) -> tuple[Console, "subprocess.Popen[bytes]"]:
    """Starts the service with staff accounts and no case."""
    engine = make_engine(f"sqlite:///{folder / 'laoxian.db'}")
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine, expire_on_commit=False)
    with sessions() as db:
        for username, (name, role, department) in PEOPLE.items():
            create_user(db, username, PASSWORD, name, role, department)
        db.commit()
    port = free_port()
    own = {"LAOXIAN_DATA_DIR": str(folder), "LAOXIAN_DATABASE_URL": str(engine.url)}
    command = [sys.executable, "-m", "uvicorn", "--factory", "api.main:create_app", "--port", str(port)]
    # NiceGUI serves differently when it believes itself under pytest; residents and staff never do.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPO, env=inherited | own | env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        assert process.poll() is None, (folder / "log").read_text()[-3000:]
        try:
            httpx.get(f"{url}/healthz", timeout=5)
            return Console(url, sessions), process
        except httpx.HTTPError:
            time.sleep(0.1)
    process.kill()
    pytest.fail((folder / "log").read_text()[-3000:])


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One running service for all tests of this folder; each test files its own cases."""
    running, process = start(tmp_path_factory.mktemp("console"))
    yield running
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, quiet on a closed network."""
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": CHROMIUM}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A staff member's desk."""
    return {**browser_context_args, "locale": "zh-CN", "viewport": {"width": 1366, "height": 850}}


def enter(page: Page, console: Console, username: str, password: str = PASSWORD, path: str = "/") -> None:
    """Signs in at a page of the console."""
    page.goto(f"{console.url}/console{path}")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


@pytest.fixture
def sit(new_context: Callable[..., Any], console: Console) -> Iterator[Callable[..., Page]]:
    """Opens a page of the console as one of ``PEOPLE``, each in a browser of their own."""
    errors: list[str] = []

    def open_(username: str, path: str = "/") -> Page:
        page: Page = new_context().new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        enter(page, console, username, path=path)
        expect(page.locator(".page:not(.login)")).to_be_visible()
        return page

    yield open_
    assert errors == []
