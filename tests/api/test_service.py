"""The service as a whole: health, metrics, limits, triage with the shipped model."""

import pytest

from api.accounts.models import Role
from api.triage.service import get_triager


class TestHealth:
    def test_alive(self, client):
        assert client.get("/healthz").json() == {"status": "ok"}

    def test_not_ready_names_the_parts(self, client):
        # No bot, action server or worker runs here.
        answer = client.get("/readyz")
        assert answer.status_code == 503
        problem = answer.json()
        assert {"bot", "actions", "worker"} <= set(problem["failed"])
        assert problem["parts"]["database"] == "ok"
        assert problem["parts"]["model"] == "ok"
        assert "对话机器人（bot）" in problem["detail"]

    def test_a_database_without_tables_is_not_ready(self, client, sessions):
        from api.db import Base, get_engine

        Base.metadata.drop_all(get_engine())
        try:
            assert "database" in client.get("/readyz").json()["failed"]
        finally:
            Base.metadata.create_all(get_engine())

    def test_metrics(self, client, sign_in):
        client.post("/api/v1/cases", json={"description": "路灯坏了"}, headers=sign_in(Role.CLERK))
        client.get("/api/v1/cases/LX20261124-00001", headers=sign_in(Role.CLERK))
        text = client.get("/metrics").text
        assert "laoxian_outbox_backlog 1.0" in text
        assert 'laoxian_cases_filed_total{source="console",urgency="一般"}' in text
        assert 'route="/api/v1/cases/{no}"' in text
        assert "LX20261124" not in text


class TestLimits:
    def test_a_body_over_one_megabyte_is_refused(self, client, sign_in):
        answer = client.post("/api/v1/cases", json={"description": "长" * 400_000}, headers=sign_in(Role.CLERK))
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"

    def test_also_when_it_does_not_say_how_long_it_is(self, client, sign_in):
        def pieces():
            yield b'{"description": "'
            for _ in range(20):
                yield b"x" * 100_000
            yield b'"}'

        headers = sign_in(Role.CLERK) | {"Content-Type": "application/json"}
        assert client.post("/api/v1/cases", content=pieces(), headers=headers).status_code == 413

    @pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff\xfe", b'{"description": 5}'])
    def test_broken_bodies_are_the_clients_mistake(self, client, sign_in, body):
        headers = sign_in(Role.CLERK) | {"Content-Type": "application/json"}
        answer = client.post("/api/v1/cases", content=body, headers=headers)
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"

    def test_every_answer_carries_its_request_id(self, client):
        assert len(client.get("/healthz").headers["X-Request-ID"]) == 32
        assert client.get("/no/such/page").headers["X-Request-ID"]
        assert client.get("/healthz", headers={"X-Request-ID": "bad id\t"}).headers["X-Request-ID"] != "bad id\t"


class TestTriageWithTheShippedModel:
    @pytest.fixture
    def triage(self, client, sign_in):
        del client.app.dependency_overrides[get_triager]
        headers = sign_in(Role.CLERK)
        return lambda **body: client.post("/api/v1/triage", json=body, headers=headers)

    def test_class_explanation_and_candidates(self, triage):
        answer = triage(text="小区门口的路灯坏了好几天，晚上黑漆漆的", place="中韩街道").json()
        assert (answer["category"], answer["subcategory"]) == ("城乡建设", "路灯照明")
        assert answer["department"] == "区城市管理局"
        assert set(answer["confidence"]) == {"kind", "category", "subcategory", "urgency", "department"}
        assert "路灯" in {one["word"] for one in answer["explanation"]}
        assert answer["candidates"][0]["category"] == "城乡建设"

    def test_an_emergency(self, triage):
        answer = triage(text="楼里着火了，有老人困在里面出不来").json()
        assert answer["urgency"] == "特急"
        assert answer["emergency_number"] == "119"

    def test_only_staff(self, client):
        assert client.post("/api/v1/triage", json={"text": "x"}).status_code == 401
