"""Cases over HTTP, as a client sees them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from api.accounts.models import Role

LAMP = {
    "description": "中韩社区门口的路灯坏了三天，晚上一片漆黑，联系我 13800000001",
    "place": {"text": "中韩社区门口"},
    "reporter": {"name": "王小明", "phone": "13800000001"},
}


@pytest.fixture
def clerk(sign_in) -> dict[str, str]:
    return sign_in(Role.CLERK)


def file(client: TestClient, headers: dict[str, str], **changes) -> dict:
    answer = client.post("/api/v1/cases", json=LAMP | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def act(client: TestClient, no: str, headers: dict[str, str], action: str, **fields) -> dict:
    answer = client.post(f"/api/v1/cases/{no}/actions", json={"action": action, **fields}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestFiling:
    def test_a_filed_case_has_number_route_deadline_and_masked_reporter(self, client, clerk):
        case = file(client, clerk)
        assert case["no"] == "LX20261124-00001"
        assert case["status"] == "待受理"
        assert (case["category"], case["subcategory"], case["department"]) == ("城乡建设", "路灯照明", "区城市管理局")
        assert case["place"]["street"] == "中韩街道"
        assert case["reporter"] == {"name": "王**", "phone": "138****0001", "anonymous": False}
        assert "13800000001" not in case["description"]
        # Five working days from Tuesday 24 November: Tuesday 1 December, at the close of the office.
        assert case["due_at"] == "2026-12-01T17:30:00+08:00"
        assert [row["action"] for row in case["history"]] == ["提交"]
        assert case["triage"]["model_version"] == "fixed"

    def test_the_same_key_gives_the_same_case(self, client, clerk):
        headers = clerk | {"Idempotency-Key": "k-1"}
        first = client.post("/api/v1/cases", json=LAMP, headers=headers)
        again = client.post("/api/v1/cases", json=LAMP, headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["no"] == again.json()["no"]
        assert client.get("/api/v1/cases", headers=clerk).json()["total"] == 1

    def test_a_key_belongs_to_the_one_who_sent_it(self, client, clerk, sign_in):
        other = sign_in(Role.CLERK)
        one = client.post("/api/v1/cases", json=LAMP, headers=clerk | {"Idempotency-Key": "k"}).json()
        two = client.post("/api/v1/cases", json=LAMP, headers=other | {"Idempotency-Key": "k"}).json()
        assert one["no"] != two["no"]

    def test_filed_side_by_side_numbers_are_unique_and_one_key_files_once(self, client, clerk):
        def send(i: int) -> str:
            key = {"Idempotency-Key": "shared"} if i % 2 else {}
            answer = client.post("/api/v1/cases", json=LAMP, headers=clerk | key)
            assert answer.status_code in (200, 201), answer.text
            return answer.json()["no"]

        with ThreadPoolExecutor(8) as pool:
            numbers = list(pool.map(send, range(16)))
        assert len({no for i, no in enumerate(numbers) if i % 2}) == 1
        assert len(set(numbers)) == 9
        assert sorted(set(numbers)) == [f"LX20261124-{n:05d}" for n in range(1, 10)]

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"description": "   "}, "description"),
            ({"description": None}, "description"),
            ({"reporter": {"phone": "12"}}, "phone"),
            ({"whatever": 1}, "whatever"),
            ({"description": "长" * 20_001}, "太长"),
        ],
    )
    def test_bad_input_is_refused_in_chinese(self, client, clerk, change, word):
        answer = client.post("/api/v1/cases", json=LAMP | change, headers=clerk)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert word in answer.json()["detail"]

    @pytest.mark.parametrize("text", ["路灯\x00坏了", "路灯\ud800坏了"])
    def test_characters_that_no_database_keeps_are_no_server_error(self, client, clerk, text):
        import json

        body = json.dumps(LAMP | {"description": text})
        answer = client.post("/api/v1/cases", content=body, headers=clerk | {"Content-Type": "application/json"})
        assert answer.status_code in (201, 422)

    def test_an_anonymous_reporter_has_no_name_anywhere(self, client, clerk):
        case = file(client, clerk, reporter={"name": "王小明", "phone": "13800000001", "anonymous": True})
        assert case["reporter"]["name"] is None
        shown = client.post(f"/api/v1/cases/{case['no']}/reveal", json={"reason": "回访"}, headers=clerk).json()
        assert shown["reporter"]["name"] is None

    def test_only_staff_file_here(self, client, sign_in):
        assert client.post("/api/v1/cases", json=LAMP).status_code == 401
        assert client.post("/api/v1/cases", json=LAMP, headers=sign_in(Role.TRAINER)).status_code == 403


class TestListing:
    def test_filters_and_pages(self, client, clerk, fixed):
        for _ in range(3):
            file(client, clerk)
        fixed.category, fixed.subcategory, fixed.urgency = "环境保护", "噪音污染", "紧急"
        noise = file(client, clerk, description="夜里 100% 太吵", place={"text": "金家岭街道"})
        lists = [
            ({"category": "环境保护"}, 1),
            ({"urgency": ["紧急", "一般"]}, 4),
            ({"street": "金家岭街道"}, 1),
            ({"status": "已派单"}, 0),
            ({"q": "路灯 中韩"}, 3),
            ({"q": noise["no"]}, 1),
            ({"q": "100%"}, 1),
            ({"q": "%"}, 0),
            ({"overdue": "true"}, 0),
            ({"overdue": "false"}, 4),
        ]
        for query, count in lists:
            assert client.get("/api/v1/cases", params=query, headers=clerk).json()["total"] == count, query
        page = client.get("/api/v1/cases", params={"page": 2, "page_size": 3}, headers=clerk).json()
        assert (len(page["items"]), page["total"]) == (1, 4)

    def test_overdue(self, client, clerk, clock):
        file(client, clerk)
        clock.forward(days=8)
        headers = clerk  # the token has run out with the clock
        assert client.get("/api/v1/cases", headers=headers).status_code == 401

    def test_an_unknown_filter_is_refused(self, client, clerk):
        assert client.get("/api/v1/cases", params={"colour": "red"}, headers=clerk).status_code == 422

    def test_everybody_sees_only_their_own_part(self, client, clerk, sign_in):
        case = file(client, clerk)
        seen = {
            "its department": (sign_in(Role.HANDLER, department="区城市管理局"), True),
            "its co-handler": (sign_in(Role.HANDLER, department="国网崂山供电中心"), True),
            "another department": (sign_in(Role.HANDLER, department="区教育和体育局"), False),
            "no department": (sign_in(Role.HANDLER), False),
            "its grid": (sign_in(Role.GRID, street="中韩街道"), True),
            "another grid": (sign_in(Role.GRID, street="北宅街道"), False),
            "another street's clerk": (sign_in(Role.CLERK, street="北宅街道"), False),
            "supervisor": (sign_in(Role.SUPERVISOR), True),
            "trainer": (sign_in(Role.TRAINER), True),
        }
        for who, (headers, sees) in seen.items():
            assert client.get("/api/v1/cases", headers=headers).json()["total"] == int(sees), who
            status = client.get(f"/api/v1/cases/{case['no']}", headers=headers).status_code
            assert status == (200 if sees else 404), who

    def test_a_trainer_sees_no_reporter(self, client, clerk, sign_in):
        case = file(client, clerk)
        view = client.get(f"/api/v1/cases/{case['no']}", headers=sign_in(Role.TRAINER)).json()
        assert view["reporter"] == {"name": None, "phone": None, "anonymous": False}


class TestReveal:
    def test_the_number_is_shown_for_a_reason_that_the_history_keeps(self, client, clerk):
        no = file(client, clerk)["no"]
        assert client.post(f"/api/v1/cases/{no}/reveal", json={}, headers=clerk).status_code == 422
        shown = client.post(f"/api/v1/cases/{no}/reveal", json={"reason": "电话回访"}, headers=clerk).json()
        assert shown["reporter"] == {"name": "王小明", "phone": "13800000001", "anonymous": False}
        assert "13800000001" in shown["description"]
        last = client.get(f"/api/v1/cases/{no}", headers=clerk).json()["history"][-1]
        assert (last["action"], last["note"]) == ("查看联系方式", "电话回访")

    def test_not_to_trainers_and_co_handlers(self, client, clerk, sign_in):
        no = file(client, clerk)["no"]
        for headers in (sign_in(Role.TRAINER), sign_in(Role.HANDLER, department="国网崂山供电中心")):
            answer = client.post(f"/api/v1/cases/{no}/reveal", json={"reason": "想看"}, headers=headers)
            assert answer.status_code == 403


class TestOverride:
    def test_it_reroutes_and_moves_the_deadline_but_keeps_the_suggestion(self, client, clerk):
        no = file(client, clerk)["no"]
        change = {"category": "环境保护", "subcategory": "噪音污染", "urgency": "紧急", "reason": "说的是噪声"}
        case = client.patch(f"/api/v1/cases/{no}/triage", json=change, headers=clerk).json()
        assert (case["category"], case["department"], case["urgency"]) == ("环境保护", "市生态环境局崂山分局", "紧急")
        assert case["due_at"] == "2026-11-25T10:00:00+08:00"
        assert case["triage"]["category"] == "城乡建设"
        assert case["triage"]["overrides"][0]["decided"]["category"] == "环境保护"
        assert case["history"][-1]["action"] == "改判"

    def test_a_category_alone_falls_back_to_its_other(self, client, clerk):
        no = file(client, clerk)["no"]
        change = {"category": "政法", "reason": "归公安"}
        case = client.patch(f"/api/v1/cases/{no}/triage", json=change, headers=clerk).json()
        assert (case["subcategory"], case["department"]) == ("其他", "公安崂山分局")

    def test_a_department_given_wins_over_the_table(self, client, clerk):
        no = file(client, clerk)["no"]
        change = {"category": "政法", "department": "区司法局", "reason": "调解"}
        case = client.patch(f"/api/v1/cases/{no}/triage", json=change, headers=clerk).json()
        assert case["department"] == "区司法局"

    def test_under_way_it_goes_to_the_new_department_anew(self, client, clerk, sign_in):
        no = file(client, clerk)["no"]
        handler = sign_in(Role.HANDLER, department="区城市管理局")
        act(client, no, clerk, "受理")
        due = act(client, no, clerk, "派单")["due_at"]
        act(client, no, handler, "接单")
        change = {"department": "国网崂山供电中心", "reason": "灯杆归供电"}
        case = client.patch(f"/api/v1/cases/{no}/triage", json=change, headers=clerk).json()
        assert (case["status"], case["due_at"]) == ("已派单", due)
        assert client.get(f"/api/v1/cases/{no}", headers=handler).status_code == 404

    @pytest.mark.parametrize(
        "change",
        [
            {"reason": "没有改"},
            {"category": "环境保护"},
            {"category": "没有这类", "reason": "x"},
            {"subcategory": "噪音污染", "reason": "不在城乡建设下"},
            {"urgency": "超急", "reason": "x"},
            {"kind": "一般", "reason": "x"},
            {"department": "没有这个局", "reason": "x"},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, client, clerk, change):
        no = file(client, clerk)["no"]
        answer = client.patch(f"/api/v1/cases/{no}/triage", json=change, headers=clerk)
        assert answer.status_code == 422, answer.text

    def test_handlers_do_not_override(self, client, clerk, sign_in):
        no = file(client, clerk)["no"]
        headers = sign_in(Role.HANDLER, department="区城市管理局")
        answer = client.patch(f"/api/v1/cases/{no}/triage", json={"urgency": "紧急", "reason": "x"}, headers=headers)
        assert answer.status_code == 403


class TestALife:
    def test_from_filing_to_the_rating(self, client, clerk, sign_in, clock):
        handler = sign_in(Role.HANDLER, department="区城市管理局")
        no = file(client, clerk)["no"]
        steps = [
            (clerk, {"action": "受理"}, "已受理"),
            (clerk, {"action": "派单"}, "已派单"),
            (handler, {"action": "接单"}, "办理中"),
            (handler, {"action": "跟进", "note": "已到现场，灯泡坏了"}, "办理中"),
            (handler, {"action": "反馈", "answer": "已更换灯泡，恢复照明"}, "已反馈"),
            (clerk, {"action": "回访", "note": "电话接通，居民表示灯亮了"}, "待评价"),
            (clerk, {"action": "评价", "stars": 5}, "已办结"),
        ]
        for headers, body, status in steps:
            clock.forward(minutes=1)
            answer = client.post(f"/api/v1/cases/{no}/actions", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == status
        case = client.get(f"/api/v1/cases/{no}", headers=clerk).json()
        assert case["stars"] == 5
        assert [row["action"] for row in case["history"]] == ["提交", *(body["action"] for _, body, _ in steps)]
        assert case["history"][-1]["after"]["status"] == "已办结"

    def test_refusals_say_why(self, client, clerk, sign_in):
        handler = sign_in(Role.HANDLER, department="区城市管理局")
        helper = sign_in(Role.HANDLER, department="国网崂山供电中心")
        no = file(client, clerk)["no"]
        refusals = [
            (clerk, {"action": "反馈", "answer": "x"}, 403),
            (handler, {"action": "接单"}, 409),
            (clerk, {"action": "不予受理"}, 422),
            (clerk, {"action": "飞"}, 422),
            (clerk, {"action": "评价", "stars": 9}, 422),
            (helper, {"action": "接单"}, 403),
        ]
        for headers, body, status in refusals:
            answer = client.post(f"/api/v1/cases/{no}/actions", json=body, headers=headers)
            assert answer.status_code == status, (body, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
