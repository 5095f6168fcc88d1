"""Signing in, lock-out, tokens, demo accounts."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from api.accounts.keys import keys_of, make_key, revoke_key
from api.accounts.logins import mask_source
from api.accounts.models import Role
from api.accounts.service import disable, find_user, seed_demo, set_password, sign_in
from api.errors import Problem
from tests.conftest import PASSWORD


def ask(client, username: str, password: str):
    return client.post("/api/v1/auth/token", data={"username": username, "password": password})


class TestSigningIn:
    def test_a_good_password_gives_a_token_that_opens_the_door(self, client, make_user):
        make_user(Role.CLERK, "xiaowang")
        answer = ask(client, "xiaowang", PASSWORD)
        assert answer.json()["token_type"] == "bearer"
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert client.get("/api/v1/auth/me", headers=headers).json()["role_name"] == "受理员"

    def test_the_token_is_short_lived(self, client, make_user, clock):
        make_user(Role.CLERK, "xiaowang")
        headers = {"Authorization": f"Bearer {ask(client, 'xiaowang', PASSWORD).json()['access_token']}"}
        clock.forward(minutes=31)
        assert client.get("/api/v1/auth/me", headers=headers).status_code == 401

    def test_wrong_name_and_wrong_password_look_the_same(self, client, make_user):
        make_user(Role.CLERK, "xiaowang")
        wrong, unknown = ask(client, "xiaowang", "不对的密码"), ask(client, "nobody", "不对的密码")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."])
    def test_other_strings_are_no_tokens(self, client, token):
        answer = client.get("/api/v1/cases", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


class TestLockOut:
    @pytest.mark.parametrize("username", ["xiaowang", "nobody"])
    def test_five_failures_lock_for_fifteen_minutes_whether_the_account_exists_or_not(
        self, client, make_user, clock, username
    ):
        make_user(Role.CLERK, "xiaowang")
        for _ in range(5):
            assert ask(client, username, "不对的密码").status_code == 401
        locked = ask(client, username, PASSWORD)
        assert locked.status_code == 429
        assert 0 < int(locked.headers["Retry-After"]) <= 900
        clock.forward(minutes=16)
        assert ask(client, username, PASSWORD).status_code == (200 if username == "xiaowang" else 401)

    def test_success_takes_the_count_back(self, client, make_user):
        make_user(Role.CLERK, "xiaowang")
        for _ in range(3):
            for _ in range(4):
                ask(client, "xiaowang", "不对的密码")
            assert ask(client, "xiaowang", PASSWORD).status_code == 200

    def test_guesses_side_by_side_do_not_slip_past(self, client, make_user):
        make_user(Role.CLERK, "xiaowang")
        with ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(lambda _: ask(client, "xiaowang", "不对的密码").status_code, range(12)))
        assert codes.count(401) <= 5
        assert codes.count(429) >= 7


class TestPlaces:
    """A stranger who keeps guessing somebody's password locks out nobody but themselves."""

    def fail(self, db, times: int, address: str, clock) -> int:
        for _ in range(times):
            with pytest.raises(Problem) as caught:
                sign_in(db, "xiaowang", "不对的密码", clock.now, address)
        return caught.value.status

    def test_failures_elsewhere_do_not_lock_the_desk(self, db, make_user, clock):
        make_user(Role.CLERK, "xiaowang")
        assert self.fail(db, 6, "203.0.113.9", clock) == 429
        assert sign_in(db, "xiaowang", PASSWORD, clock.now, "10.0.0.5")

    def test_guesses_from_many_places_are_stopped_but_not_where_one_has_signed_in_before(self, db, make_user, clock):
        make_user(Role.CLERK, "xiaowang")
        sign_in(db, "xiaowang", PASSWORD, clock.now, "10.0.0.5")
        for place in range(8):
            self.fail(db, 4, f"203.0.113.{place}", clock)
        assert self.fail(db, 1, "198.51.100.1", clock) == 429
        assert sign_in(db, "xiaowang", PASSWORD, clock.now, "10.0.0.5")

    def test_the_audit_keeps_success_failure_and_lock_out_with_a_masked_place(self, client, make_user, sign_in):
        make_user(Role.CLERK, "xiaowang")
        ask(client, "xiaowang", PASSWORD)
        for _ in range(6):
            ask(client, "xiaowang", "不对的密码")
        assert client.get("/api/v1/auth/logins", headers=sign_in(Role.SUPERVISOR)).status_code == 403
        items = client.get("/api/v1/auth/logins", headers=sign_in(Role.ADMIN)).json()["items"]
        assert [item["outcome"] for item in items] == ["locked", *["failure"] * 5, "success"]
        assert {item["username"] for item in items} == {"xiaowang"}

    @pytest.mark.parametrize(
        ("address", "shown"),
        [("10.3.4.5", "10.3.4.*"), ("2001:db8::1", "2001:0db8:0000:0000:*"), ("testclient", "未知"), ("", "未知")],
    )
    def test_masks(self, address, shown):
        assert mask_source(address) == shown


class TestRevocation:
    @pytest.mark.parametrize(
        "change", [lambda db, user: disable(user), lambda db, user: set_password(db, user, PASSWORD)]
    )
    def test_tokens_die_with_the_account_or_the_password(self, client, db, make_user, change):
        make_user(Role.CLERK, "xiaowang")
        headers = {"Authorization": f"Bearer {ask(client, 'xiaowang', PASSWORD).json()['access_token']}"}
        change(db, find_user(db, "xiaowang"))
        db.commit()
        assert client.get("/api/v1/auth/me", headers=headers).status_code == 401


class TestKeys:
    def ask(self, client, key: str):
        return client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"})

    def test_a_program_acts_with_the_role_and_scope_of_its_account_until_the_key_ends(
        self, client, db, make_user, clock
    ):
        user = make_user(Role.HANDLER, "platform", department="区城市管理局")
        key, other = (make_key(db, user, "12345 平台", 30, clock.now) for _ in range(2))
        db.commit()
        assert key not in str(db.execute(text("SELECT * FROM api_keys")).all())
        db.rollback()
        assert self.ask(client, key).json()["department"] == "区城市管理局"
        assert self.ask(client, key + "x").status_code == 401
        (first, second) = keys_of(db, user)
        assert (first.last_used_at, second.last_used_at) == (clock.now, None)
        revoke_key(db, first.id, clock.now)
        db.commit()
        assert self.ask(client, key).status_code == 401
        assert self.ask(client, other).status_code == 200
        clock.forward(days=31)
        assert self.ask(client, other).status_code == 401

    def test_keys_end_with_the_account(self, client, db, make_user, clock):
        key = make_key(db, make_user(Role.CLERK, "platform"), "对接", 30, clock.now)
        disable(find_user(db, "platform"))
        db.commit()
        assert self.ask(client, key).status_code == 401


class TestDemo:
    def test_made_once_and_given_a_new_password_later(self, db, clock):
        seed_demo(db, "第一个演示用的密码")
        db.commit()
        users = seed_demo(db, "第二个演示用的密码")
        db.commit()
        roles = {user.username: user.role for user in users}
        assert roles == {"admin": "admin", "staff": "clerk", "trainer": "trainer", "grid": "grid"}
        assert sign_in(db, "staff", "第二个演示用的密码", clock.now).username == "staff"
        with pytest.raises(Problem):
            sign_in(db, "staff", "第一个演示用的密码", clock.now)

    def test_a_short_password_is_refused(self, db):
        with pytest.raises(Problem) as caught:
            seed_demo(db, "short")
        assert caught.value.status == 422
