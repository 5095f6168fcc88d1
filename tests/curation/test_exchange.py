"""Answers over HTTP, out as patch, CSV, JSONL and Label Studio, and in again with bad rows named."""

import csv
import io
import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from sqlalchemy import select

from api.accounts.models import Role
from api.curation import service
from api.curation.exports import as_patch, export
from api.curation.labels import Label
from api.curation.models import CurationItem
from api.curation.rules import get_curation
from api.settings import REPO
from api.triage.service import get_taxonomy
from tests.curation.conftest import LIGHTS, NOISE, item_of

SINGLE = replace(get_curation(), two_person_percent=0)
TOLD = {
    "巷子里的路灯，时亮时灭": LIGHTS,
    "=楼下夜里放音响吵得睡不着": NOISE,
    "侬好伐，随便看看": Label(other="非诉求"),
}


@pytest.fixture
def answered(file, fill, people, db, clock):
    """Three settled items."""
    numbers = [file(text) for text in TOLD]
    fill(SINGLE)
    for no, label in zip(numbers, TOLD.values(), strict=True):
        service.respond(db, people[0], item_of(db, no).id, label, get_taxonomy(), clock.now)
    db.commit()
    return [item_of(db, no) for no in numbers]


def test_the_patch_applies_and_the_rows_are_read_as_labelled(answered, tmp_path):
    shutil.copytree(REPO / "nlu_data" / "appeals", tmp_path / "nlu_data" / "appeals")
    patch = as_patch(answered, REPO / "nlu_data")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    added = {
        name: (tmp_path / "nlu_data" / "appeals" / f"{name}.csv").read_text("utf-8").splitlines()[-1]
        for name in ("城乡建设", "环境保护", "_非诉求")
    }
    assert added["城乡建设"] == "路灯照明,民生诉求,一般,巷子里的路灯，时亮时灭"
    assert added["环境保护"] == "噪音污染,执法诉求,一般,=楼下夜里放音响吵得睡不着"
    assert added["_非诉求"] == "侬好伐，随便看看"
    assert sum(line.startswith("+") and not line.startswith("+++") for line in patch.splitlines()) == 3


def test_a_file_without_its_last_line_end_is_mended_by_the_patch(answered, tmp_path):
    folder = tmp_path / "nlu_data" / "appeals"
    folder.mkdir(parents=True)
    (folder / "城乡建设.csv").write_bytes("subcategory,kind,urgency,text\n路灯照明,民生诉求,一般,灯坏了".encode())
    patch = as_patch(answered[:1], tmp_path / "nlu_data")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    assert len((folder / "城乡建设.csv").read_text("utf-8").splitlines()) == 3


def test_what_stands_in_the_dev_set_never_enters_training(answered, tmp_path):
    for part in ("appeals", "appeals_dev"):
        (tmp_path / part).mkdir()
    (tmp_path / "appeals_dev" / "x.csv").write_text("text\n巷子里的路灯，时亮时灭\n", "utf-8")
    assert as_patch(answered[:1], tmp_path) == ""


def test_csv_jsonl_and_label_studio_keep_suggestion_and_response_apart(answered, db):
    rows = list(csv.DictReader(io.StringIO(export(db, "csv", REPO / "nlu_data").decode("utf-8-sig"))))
    assert [row["category"] for row in rows] == ["城乡建设", "环境保护", ""]
    assert [row["suggested_category"] for row in rows] == ["城乡建设"] * 3
    assert rows[1]["text"].startswith("'=")
    lines = [json.loads(line) for line in export(db, "jsonl", REPO / "nlu_data").decode().splitlines()]
    assert lines[1]["label"]["subcategory"] == "噪音污染"
    assert lines[1]["suggestion"]["subcategory"] == "路灯照明"
    assert lines[1]["responses"][0]["source"] == "desk"
    tasks = json.loads(export(db, "labelstudio", REPO / "nlu_data"))
    assert tasks[1]["predictions"][0]["result"][0]["value"] == {"taxonomy": [["城乡建设", "路灯照明"]]}
    assert tasks[1]["annotations"][0]["result"][0]["value"] == {"taxonomy": [["环境保护", "噪音污染"]]}
    assert tasks[2]["annotations"][0]["result"] == [
        {"from_name": "other", "to_name": "text", "type": "choices", "value": {"choices": ["非诉求"]}}
    ]


def test_import_keeps_good_rows_and_names_bad_ones(file, fill, db, client, sign_in):
    numbers = [file("巷子里的路灯时亮时灭"), file("楼下夜里放音响吵得睡不着")]
    fill(SINGLE)
    ids = [item_of(db, no).id for no in numbers]
    db.rollback()  # SQLite lets one in at a time
    head = "id,category,subcategory,kind,urgency\n"
    good = f"{ids[0]},城乡建设,路灯照明,民生诉求,一般\n"
    rest = "城乡建设,路灯照明,民生诉求,一般"
    bad = f"{ids[1]},城乡建设,噪音污染,民生诉求,一般\nx,{rest}\n99999,{rest}\n1,2\n"
    sent = {"file": ("a.csv", (head + good + bad + good).encode("gb18030"))}
    done = client.post("/api/v1/curation/import", files=sent, headers=sign_in(Role.TRAINER)).json()
    assert done["kept"] == 1
    assert [line.split("：")[0] for line in done["refused"]] == [f"第 {n} 行" for n in (3, 4, 5, 6, 7)]
    assert "没有二级分类" in done["refused"][0]
    line = json.dumps({"id": ids[1], "label": {"other": "非诉求"}}) + "\n坏\n[1]\n"
    done = client.post(
        "/api/v1/curation/import", files={"file": ("a.jsonl", line.encode())}, headers=sign_in(Role.TRAINER)
    ).json()
    assert (done["kept"], len(done["refused"])) == (1, 2)
    db.expire_all()
    assert db.get_one(CurationItem, ids[0]).responses[0].source == "import"


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xff\xff\x80"])
def test_a_file_that_is_none_is_refused_whole(client, sign_in, content):
    answer = client.post("/api/v1/curation/import", files={"file": ("a.csv", content)}, headers=sign_in(Role.TRAINER))
    assert answer.status_code == 422


def test_over_http_a_trainer_labels_skips_comments_and_undoes(file, fill, db, client, sign_in):
    file("巷子里的路灯时亮时灭")
    fill(SINGLE)
    me = sign_in(Role.TRAINER)
    item = client.get("/api/v1/curation/next", headers=me).json()["item"]
    assert item["reasons"]
    path = f"/api/v1/curation/items/{item['id']}"
    assert client.post(f"{path}/comments", json={"text": "像是路灯"}, headers=me).status_code == 204
    assert client.post(f"{path}/comments", json={"text": " "}, headers=me).status_code == 422
    label = LIGHTS.model_dump(exclude_defaults=True)
    assert client.post(f"{path}/response", json=label, headers=me).json() == {"state": "done"}
    assert client.post(f"{path}/response", json=label, headers=me).status_code == 409
    assert client.get("/api/v1/curation/next", headers=me).json() == {"item": None}
    assert client.post("/api/v1/curation/undo", headers=me).json() == {"id": item["id"]}
    assert client.post(f"{path}/skip", headers=me).status_code == 204
    assert client.get("/api/v1/curation/figures", headers=me).json()["open"] == 1
    assert client.get("/api/v1/curation/export?form=patch", headers=me).content == b""
    assert client.get("/api/v1/curation/next", headers=sign_in(Role.CLERK)).status_code == 403
    assert client.post("/api/v1/curation/items/99999/skip", headers=me).status_code == 404
    assert db.scalars(select(CurationItem.state)).one() == "open"
