"""Sign-on by an identity provider, against a real one on loopback: who enters, and every way in which nobody does."""

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select

from api.accounts.models import LoginEvent, Role, StaffSession, User
from api.accounts.service import create_user, disable
from tests.conftest import PASSWORD
from tests.console.conftest import Console, start
from tests.console.oidc_provider import CLIENT, SECRET, Provider

REFUSED = "统一登录没有成功，请重新登录"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """The provider."""
    running = Provider()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def joined(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that trusts the provider."""
    settings = {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT, "SECRET": SECRET, "NAME": "崂山统一身份认证"}
    env = {f"LAOXIAN_OIDC_{name}": value for name, value in settings.items()}
    console, process = start(tmp_path_factory.mktemp("oidc"), **env)
    yield console
    process.terminate()
    process.wait(20)


@pytest.fixture
def browser_(provider: Provider) -> Iterator[httpx.Client]:
    """A browser with cookies of its own; the provider tells the truth again."""
    provider.tell("clerk")
    with httpx.Client(follow_redirects=True, timeout=20) as client:
        yield client


def enter(browser: httpx.Client, console: Console, wanted: str = "/") -> httpx.Response:
    return browser.get(f"{console.url}/console/oidc", params={"wanted": wanted})


def refused(answer: httpx.Response, words: str = REFUSED) -> bool:
    return answer.url.path == "/console/login" and words in answer.text


def test_the_button_leads_in_and_to_the_page_that_was_wanted(browser_: httpx.Client, joined: Console) -> None:
    login = browser_.get(f"{joined.url}/console/login?wanted=/board")
    assert "用崂山统一身份认证登录" in login.text
    answer = enter(browser_, joined, "/mentions")
    assert (answer.status_code, answer.url.path) == (200, "/console/mentions")
    with joined.sessions() as db:
        (session,) = db.scalars(select(StaffSession).join(User).where(User.username == "clerk"))
        assert (session.kind, session.source) == ("console", "127.0.0.*")
        assert db.scalars(select(LoginEvent)).one().outcome == "success"


def test_the_request_carries_state_nonce_and_a_challenge(browser_: httpx.Client, joined: Console) -> None:
    first, second = (
        parse_qs(urlsplit(browser_.get(f"{joined.url}/console/oidc", follow_redirects=False).headers["location"]).query)
        for _ in range(2)
    )
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 20
        assert first[name] != second[name]
    assert first["scope"] == ["openid profile"]


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "of-another-sign-on"},
        {"aud": "another-client"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": int(time.time()) - 3600},
        {"forge": True},
        {"preferred_username": None},
    ],
    ids=["nonce", "audience", "issuer", "expired", "signature", "no name"],
)
def test_a_token_that_does_not_hold_opens_nothing(
    browser_: httpx.Client, joined: Console, provider: Provider, lies: dict[str, object]
) -> None:
    provider.tell("clerk", **lies)  # type: ignore[arg-type]
    assert refused(enter(browser_, joined))
    assert browser_.get(f"{joined.url}/console/", follow_redirects=False).status_code == 303


def _callback(browser: httpx.Client, console: Console) -> str:
    """Goes to the provider and stops before coming back; returns the address of the callback."""
    there = browser.get(f"{console.url}/console/oidc", follow_redirects=False).headers["location"]
    return httpx.get(there, follow_redirects=False).headers["location"]


def test_a_callback_is_used_once_even_with_the_cookie_of_before(browser_: httpx.Client, joined: Console) -> None:
    callback = _callback(browser_, joined)
    before = dict(browser_.cookies)
    assert browser_.get(callback).url.path == "/console/"
    again = httpx.get(callback, cookies=before, follow_redirects=True)
    assert again.url.path == "/console/login"
    # Not even with a code that the provider would still take.
    state = parse_qs(urlsplit(callback).query)["state"][0]
    fresh = parse_qs(urlsplit(_callback(httpx.Client(), joined)).query)["code"][0]
    base = callback.split("?")[0]
    replay = httpx.get(base, params={"code": fresh, "state": state}, cookies=before, follow_redirects=False)
    assert replay.headers["location"].endswith("/console/login")


def test_a_callback_that_another_browser_began_opens_nothing(browser_: httpx.Client, joined: Console) -> None:
    callback = _callback(httpx.Client(), joined)
    assert refused(browser_.get(callback))


def test_nobody_enters_without_an_enabled_account_here(
    browser_: httpx.Client, joined: Console, provider: Provider
) -> None:
    with joined.sessions.begin() as db:
        create_user(db, "left", PASSWORD, "已离岗", Role.CLERK)
    with joined.sessions.begin() as db:
        disable(db.scalars(select(User).where(User.username == "left")).one())
    for name in ("stranger", "left", "admin"):
        provider.tell(name, role="admin", roles=["admin"])
        assert refused(enter(browser_, joined), "没有开通或已停用"), name
    with joined.sessions() as db:
        assert db.scalar(select(User.id).where(User.username.in_(["stranger", "admin"]))) is None
        failed = db.scalars(select(LoginEvent.username).where(LoginEvent.outcome == "failure")).all()
        assert set(failed) == {"stranger", "left", "admin"}


def test_without_a_provider_there_is_no_button_and_no_way(console: Console) -> None:
    assert "统一身份认证" not in httpx.get(f"{console.url}/console/login").text
    answer = httpx.get(f"{console.url}/console/oidc", follow_redirects=True)
    assert refused(answer, "没有配置统一登录")
