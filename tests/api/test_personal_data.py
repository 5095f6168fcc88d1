"""Personal data: sealed at rest, masked in views, absent from logs."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, text

from api.accounts.models import Role
from api.cases.models import Case
from api.crypto import mask_name, mask_numbers, mask_phone, phone_index, seal, unseal
from api.health.metrics import REQUESTS

PHONE, NAME = "13800000001", "王小明"
BODY = {
    "description": f"路灯坏了，打 {PHONE} 找我",
    "place": {"text": "中韩社区"},
    "reporter": {"name": NAME, "phone": PHONE},
}


class TestCrypto:
    @given(st.text())
    def test_what_is_sealed_comes_back_and_does_not_show(self, words):
        try:
            words.encode()
        except UnicodeEncodeError:
            return
        token = seal(words)
        assert unseal(token) == words
        assert len(words) < 8 or words not in token

    def test_a_strange_token_is_named(self):
        with pytest.raises(ValueError, match="LAOXIAN_DATA_KEYS"):
            unseal("gAAAAA")

    def test_masks(self):
        assert mask_phone(PHONE) == "138****0001"
        assert mask_phone("0532-88997788") == "053*****7788"
        assert mask_name(NAME) == "王**"
        assert mask_phone(None) is None

    @pytest.mark.parametrize("written", ["13800000001", "138 0000 0001", "138-0000-0001"])
    def test_numbers_in_text_are_masked_however_written(self, written):
        assert mask_numbers(f"电话{written}，谢谢") == "电话138****0001，谢谢"

    def test_case_numbers_and_amounts_stay(self):
        assert mask_numbers("LX20261124-00012 欠薪 128000 元") == "LX20261124-00012 欠薪 128000 元"

    def test_the_index_does_not_mind_how_a_number_is_written(self):
        assert phone_index(PHONE) == phone_index("+86 138-0000-0001")
        assert phone_index(PHONE) != phone_index("13800000002")


def test_nothing_personal_lies_in_clear_in_the_database(client, sign_in, db):
    headers = sign_in(Role.CLERK)
    no = client.post("/api/v1/cases", json=BODY, headers=headers).json()["no"]
    client.post(f"/api/v1/cases/{no}/actions", json={"action": "补充", "note": f"我叫{NAME} {PHONE}"}, headers=headers)
    for table in inspect(db.get_bind()).get_table_names():
        dump = str(db.execute(text(f"SELECT * FROM {table}")).all())
        assert PHONE not in dump, table
        assert NAME not in dump, table
    assert db.query(Case).one().full_description == BODY["description"]


@pytest.fixture
def logged(client):
    """Everything that the service writes to its log."""
    stream = io.StringIO()
    logging.getLogger().handlers[0].setStream(stream)
    return stream.getvalue


def test_nothing_personal_is_logged(client, sign_in, logged):
    headers = sign_in(Role.CLERK)
    client.post("/api/v1/cases", json=BODY, headers=headers | {"X-Request-ID": "abcdefgh-1"})
    logging.getLogger("some.library").error("could not reach %s", PHONE)
    out = logged()
    assert PHONE not in out
    assert NAME not in out
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    request = next(line for line in lines if line["event"] == "request" and line.get("status") == 201)
    assert request["request_id"] == "abcdefgh-1"
    assert request["route"] == "/api/v1/cases"
    assert any(line["event"] == "could not reach 138****0001" for line in lines)


def test_probes_are_counted_but_not_logged(client, logged):
    def counted() -> float:
        return sum(
            sample.value
            for metric in REQUESTS.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["route"] == "/healthz"
        )

    before = counted()
    client.get("/healthz")
    client.get("/metrics")
    client.get("/api/v1/cases")
    assert counted() == before + 1
    lines = [json.loads(line) for line in logged().splitlines() if line.startswith("{")]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/api/v1/cases"]


def test_what_is_not_ready_is_logged_once_until_it_changes(client, logged):
    for _ in range(3):
        assert client.get("/readyz").status_code == 503  # no bot, action server or worker runs here
    lines = [json.loads(line) for line in logged().splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["event"] in ("not ready", "request")] in ([], ["not ready"])


def test_an_unforeseen_error_is_a_problem_and_its_message_stays_inside(client, sign_in, fixed, logged):
    def broken(*_args, **_kwargs):
        raise RuntimeError(f"{NAME} {PHONE}")

    fixed.triage = broken
    answer = client.post("/api/v1/cases", json=BODY, headers=sign_in(Role.CLERK))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert NAME not in answer.text + logged()
    assert "RuntimeError" in logged()
