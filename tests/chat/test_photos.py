"""Photos over HTTP, on both databases: what gets in, what never does, where it goes, who sees it."""

import hashlib
import io
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select

from api.accounts.models import Role
from api.cases.models import Case, CaseHistory
from api.chat import attachments
from api.chat.attachments import MAX_PHOTOS
from api.chat.enclosures import Attachment
from api.chat.images import MAX_BYTES, SIDE, clean_photo
from api.chat.models import ChatMessage, ChatSession
from api.settings import get_settings
from tests.chat import photos
from tests.chat.conftest import Actions, FaultyBot, Look, Resident
from tests.chat.photos import photo, upload, uploaded
from tests.conftest import Clock

SignIn = Callable[..., dict[str, str]]


def files(attachment_id: str = "*") -> list[Path]:
    return sorted((get_settings().data_dir / "attachments").glob(f"??/{attachment_id}*"))


def draft_of(resident: Resident, look: Look) -> str:
    return str(look(select(ChatSession.draft_id).where(ChatSession.id == resident.id))[0])


@pytest.fixture
def filed(resident: Resident, bot: FaultyBot, actions: Actions, look: Look) -> tuple[str, list[str]]:
    """A case with two photos, and their ids."""
    ids = [uploaded(resident, photos.from_a_phone()), uploaded(resident, photo(color=(0, 0, 250)))]
    resident.say("路灯坏了", attachments=ids)
    return actions.file(draft_of(resident, look)).json()["case_no"], ids


def test_a_photo_is_turned_upright_shrunk_and_stripped() -> None:
    clean = clean_photo(photos.from_a_phone(orientation=6))
    kept = Image.open(io.BytesIO(clean.full))
    assert (kept.format, kept.size, (clean.width, clean.height)) == ("JPEG", (480, 640), (480, 640))
    red, green, _blue = kept.getpixel((240, 100))  # the left half, turned to the top
    assert red > 150 > green
    assert dict(kept.getexif()) == {}
    for content in (clean.full, clean.thumb):
        assert not any(secret in content for secret in (b"Exif", b"MyPhone", b"SECRET", b"ICC_PROFILE", b"xmpmeta"))
    large = clean_photo(photo((4096, 2048)))
    assert (large.width, large.height) == (SIDE, SIDE // 2)
    assert max(Image.open(io.BytesIO(large.thumb)).size) == 320


@pytest.mark.parametrize(
    "content",
    [
        photo(kind="PNG"),
        photo(kind="WEBP"),
        photo((1, 1)),
        photo((9, 6000)),
        photo(progressive=True),
        photos.with_another_picture_inside(),
    ],
    ids=["png", "webp", "dot", "strip", "progressive", "mpo"],
)
def test_every_kind_of_photo_gets_in(content: bytes) -> None:
    assert Image.open(io.BytesIO(clean_photo(content).full)).format == "JPEG"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16"])
def test_every_colour_mode_of_png_gets_in(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (50, 40)).save(file, "PNG")
    assert clean_photo(file.getvalue()).width == 50


def test_cmyk_gets_in_and_transparent_becomes_white() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (50, 40)).save(file, "JPEG")
    assert clean_photo(file.getvalue()).width == 50
    file = io.BytesIO()
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(file, "PNG")
    assert Image.open(io.BytesIO(clean_photo(file.getvalue()).full)).getpixel((5, 5)) == (255, 255, 255)


BAD: dict[str, tuple[int, str, Callable[[], bytes]]] = {
    "empty": (415, "空的", lambda: b""),
    "text": (415, "打不开", lambda: b"hello"),
    "svg": (415, "SVG", lambda: b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    "html": (415, "网页", lambda: b"<html><script>alert(1)</script></html>"),
    "pdf": (415, "PDF", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"),
    "gif": (415, "动图", lambda: photos.animated("GIF")),
    "still gif": (415, "动图", lambda: photo(kind="GIF")),
    "moving png": (415, "动图", lambda: photos.animated("PNG")),
    "moving webp": (415, "动图", lambda: photos.animated("WEBP")),
    "heic": (415, "HEIC", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    "avif": (415, "AVIF", lambda: photo(kind="AVIF")),
    "video": (415, "视频", lambda: b"\0\0\0\x18ftypmp42\0\0\0\0"),
    "zip": (415, "压缩包", lambda: photos.zipped_behind(b"")),
    "tiff": (415, "TIFF", lambda: photo(kind="TIFF")),
    "cut off": (415, "没传完整", lambda: photo((800, 600))[:2000]),
    "only a head": (415, "打不开", lambda: b"\xff\xd8\xff\xe0" + b"\0" * 64),
    "jpeg and zip": (415, "混有别的", lambda: photos.zipped_behind(photo())),
    "jpeg and script": (415, "混有别的", lambda: photo(comment=b"<script>alert(1)</script>")),
    "jpeg and php": (415, "混有别的", lambda: photo() + b"<?php system($_GET[0]); ?>"),
    "jpeg and pdf": (415, "混有别的", lambda: photo(comment=b"%PDF-1.4 1 0 obj")),
    "too many pixels": (413, "像素太多", lambda: photos.png_that_unpacks_to(30_000, 30_000)),
    "far too many pixels": (413, "像素太多", lambda: photos.png_that_unpacks_to(2**31 - 1, 1)),
    "text bomb": (415, "打不开", photos.png_with_a_text_bomb),
    "too many bytes": (413, "10 MB", lambda: photo() + b"\0" * MAX_BYTES),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_photo_is_refused_in_words(resident: Resident, look: Look, name: str) -> None:
    status, words, make = BAD[name]
    before = files()
    refused = upload(resident, make(), "照片.jpg", "image/jpeg")
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json"), refused.text
    assert words in refused.json()["detail"]
    assert look(select(Attachment)) == []
    assert files() == before


def test_name_and_declared_type_count_for_nothing(resident: Resident) -> None:
    assert upload(resident, photo(kind="PNG"), "../../etc/passwd", "text/html").status_code == 201


def test_a_body_that_never_ends_is_cut_off(resident: Resident) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        while sent < 100_000_000:
            sent += 1_000_000
            yield b"\0" * 1_000_000

    headers = resident.headers | {"Content-Type": "multipart/form-data; boundary=x"}
    answer = resident.client.post("/api/v1/chat/attachments", content=endless(), headers=headers)
    assert (answer.status_code, "10 MB" in answer.json()["detail"]) == (413, True)
    elsewhere = resident.client.post("/api/v1/chat/messages", content=b"\0" * 1_100_000, headers=resident.headers)
    assert "1 MB" in elsewhere.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"content": b"{}"},
        {"data": {"file": "words"}},
        {"files": {"photo": ("a.jpg", photo())}},
        {"files": [("file", ("a.jpg", photo())), ("file", ("b.jpg", photo()))]},
    ],
    ids=["json", "a field", "another name", "two at once"],
)
def test_a_form_of_another_shape_is_explained(resident: Resident, body: Any) -> None:
    answer = resident.client.post("/api/v1/chat/attachments", headers=resident.headers, **body)
    assert (answer.status_code, "file" in answer.json()["detail"]) == (422, True)


def test_without_the_token_nothing_is_kept(client: TestClient, look: Look) -> None:
    for headers in ({}, {"Authorization": f"Bearer {'x' * 43}"}):
        answer = client.post("/api/v1/chat/attachments", files={"file": photo()}, headers=headers)
        assert answer.status_code == 401
    assert look(select(Attachment)) == []


def test_at_rest_it_is_encrypted_under_an_unguessable_name(resident: Resident, look: Look) -> None:
    kept = upload(resident, photo())
    attachment_id = kept.json()["id"]
    assert kept.json() == {
        "id": attachment_id,
        "kind": "image",
        "bytes": kept.json()["bytes"],
        "width": 640,
        "height": 480,
    }
    assert len(attachment_id) == 32
    full, thumb = files(attachment_id)
    for file in (full, thumb):
        assert b"JFIF" not in file.read_bytes()
        assert file.stat().st_mode & 0o777 == 0o600
    (row,) = look(select(Attachment))
    assert (row.sha256, row.session_id, row.message_id) == (_sha256(photo()), resident.id, None)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_same_upload_again_is_the_same_photo(resident: Resident, look: Look) -> None:
    assert uploaded(resident) == uploaded(resident)
    assert len(look(select(Attachment))) == 1


def test_the_seventh_is_refused_until_one_is_taken_back(resident: Resident, bot: FaultyBot, look: Look) -> None:
    ids = [uploaded(resident, photo(color=(n, 0, 0))) for n in range(0, 240, 40)]
    refused = upload(resident, photo(color=(0, 250, 0)))
    assert (refused.status_code, f"{MAX_PHOTOS} 张" in refused.json()["detail"]) == (409, True)
    gone = resident.client.delete(f"/api/v1/chat/attachments/{ids[0]}", headers=resident.headers)
    assert gone.status_code == 204
    ids[0] = uploaded(resident, photo(color=(0, 250, 0)))
    resident.say("路灯坏了", attachments=ids)
    assert upload(resident, photo(color=(0, 0, 250))).status_code == 409  # sent ones count for the same appeal
    assert resident.post("看", attachments=[*ids, "x"]).status_code == 409


def test_another_conversation_can_neither_send_nor_take_back(client: TestClient, bot: FaultyBot, look: Look) -> None:
    mine, other = Resident(client), Resident(client)
    attachment_id = uploaded(mine)
    refused = other.post("看", attachments=[attachment_id])
    assert (refused.status_code, "失效" in refused.json()["detail"]) == (404, True)
    client.delete(f"/api/v1/chat/attachments/{attachment_id}", headers=other.headers)
    assert bot.heard == []
    assert "看" not in str(other.transcript())
    mine.say("看", attachments=[attachment_id])
    assert bot.heard[0]["metadata"]["attachments"] == 1
    assert look(select(Attachment.message_id)) == look(select(ChatMessage.id).where(ChatMessage.author == "resident"))


@pytest.mark.parametrize("attachments", [["x"], [{"name": "路灯.jpg"}], ["x" * 33], [1], "x"])
def test_what_was_never_uploaded_is_not_sent(resident: Resident, bot: FaultyBot, attachments: Any) -> None:
    assert resident.post("看", attachments=attachments).status_code in (404, 422)
    assert bot.heard == []


def test_photos_alone_are_a_message(resident: Resident, bot: FaultyBot) -> None:
    ids = [uploaded(resident), uploaded(resident, photo(color=(0, 0, 250)))]
    resident.say("", attachments=ids)
    assert bot.texts == ["[图片]"]
    assert bot.heard[0]["metadata"]["attachments"] == 2
    line = resident.transcript()[-2]
    assert (line["text"], line["photos"]) == ("", 2)
    assert "photos" not in resident.transcript()[-1]


def test_a_message_sent_again_sends_its_photos_once(resident: Resident, bot: FaultyBot) -> None:
    attachment_id = uploaded(resident)
    first = resident.say("看", attachments=[attachment_id, attachment_id], message_id="m1")
    assert resident.say("看", attachments=[attachment_id], message_id="m1") == first
    assert len(bot.heard) == 1
    assert resident.post("看", attachments=[attachment_id], message_id="m2").status_code == 404


def test_the_photos_of_a_draft_are_on_its_case(
    client: TestClient, filed: tuple[str, list[str]], sign_in: SignIn
) -> None:
    no, ids = filed
    clerk = sign_in(Role.CLERK)
    shown = client.get(f"/api/v1/cases/{no}/attachments", headers=clerk).json()
    assert [one["id"] for one in shown["items"]] == ids
    assert shown["items"][0]["sha256"] == _sha256(photos.from_a_phone())
    answer = client.get(f"/api/v1/cases/{no}/attachments/{ids[0]}?size=thumb", headers=clerk)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'inline; filename="{no}-1.jpg"'
    assert max(Image.open(io.BytesIO(answer.content)).size) == 320


def test_looking_at_the_whole_picture_is_kept_in_the_history(
    client: TestClient, filed: tuple[str, list[str]], sign_in: SignIn, look: Look
) -> None:
    no, ids = filed
    clerk = sign_in(Role.CLERK)
    seen = select(CaseHistory).where(CaseHistory.action == "查看照片")
    client.get(f"/api/v1/cases/{no}/attachments/{ids[1]}?size=thumb", headers=clerk)
    assert look(seen) == []
    answer = client.get(f"/api/v1/cases/{no}/attachments/{ids[1]}", headers=clerk)
    assert Image.open(io.BytesIO(answer.content)).size == (640, 480)
    (row,) = look(seen)
    assert (row.actor_kind, row.actor_role, row.note, row.public) == ("staff", "clerk", "第 2 张", False)


def test_who_may_not_see_the_case_sees_no_photo(
    client: TestClient, filed: tuple[str, list[str]], sign_in: SignIn
) -> None:
    no, ids = filed
    for headers, status in (
        ({}, 401),
        (sign_in(Role.HANDLER, department="区教育和体育局"), 404),
        (sign_in(Role.GRID, street="北宅街道"), 404),
        (sign_in(Role.TRAINER), 403),
    ):
        for path in ("", f"/{ids[0]}", f"/{ids[0]}?size=thumb"):
            assert client.get(f"/api/v1/cases/{no}/attachments{path}", headers=headers).status_code == status
    clerk = sign_in(Role.CLERK)
    assert client.get(f"/api/v1/cases/{no}/attachments/{'0' * 32}", headers=clerk).status_code == 404
    assert client.get(f"/api/v1/cases/{no}/attachments/{ids[0]}?size=huge", headers=clerk).status_code == 422


def test_a_later_supplement_brings_its_photos_to_the_case(
    client: TestClient,
    filed: tuple[str, list[str]],
    resident: Resident,
    bot: FaultyBot,
    actions: Actions,
    sign_in: SignIn,
    look: Look,
) -> None:
    no, ids = filed
    later = uploaded(resident, photo(color=(0, 250, 0)))
    resident.say("补充一张照片", attachments=[later])
    draft = draft_of(resident, look)
    assert (
        actions.call("POST", f"drafts/{draft}/cases/{no}/actions", {"action": "补充", "note": "补充"}).status_code
        == 200
    )
    shown = client.get(f"/api/v1/cases/{no}/attachments", headers=sign_in(Role.CLERK)).json()
    assert [one["id"] for one in shown["items"]] == [*ids, later]


def test_a_photo_sent_while_the_filing_got_lost_belongs_to_the_next_appeal(
    client: TestClient, filed: tuple[str, list[str]], resident: Resident, bot: FaultyBot, sign_in: SignIn
) -> None:
    no, ids = filed
    resident.say("另外一件事", attachments=[uploaded(resident, photo(color=(0, 250, 0)))])
    shown = client.get(f"/api/v1/cases/{no}/attachments", headers=sign_in(Role.CLERK)).json()
    assert [one["id"] for one in shown["items"]] == ids


def test_what_nobody_sent_is_gone_after_a_day(
    resident: Resident, filed: tuple[str, list[str]], look: Look, clock: Clock
) -> None:
    _no, ids = filed
    unsent = uploaded(resident, photo(color=(0, 250, 0)))
    assert attachments.sweep(clock.now + timedelta(hours=23)) == 0
    assert len(files(unsent)) == 2
    assert attachments.sweep(clock.now + timedelta(hours=25)) == 1
    assert files(unsent) == []
    assert sorted(look(select(Attachment.id))) == sorted(ids)
    assert attachments.sweep(clock.now + timedelta(days=400)) == 0
    assert len(files(ids[0])) == 2


def test_photos_of_a_talk_that_came_to_nothing_go_after_a_month(
    resident: Resident, bot: FaultyBot, look: Look, clock: Clock
) -> None:
    sent = uploaded(resident)
    resident.say("看", attachments=[sent])
    assert attachments.sweep(clock.now + timedelta(days=29)) == 0
    assert attachments.sweep(clock.now + timedelta(days=31)) == 1
    assert files(sent) == []


def test_files_without_a_row_are_swept_and_young_ones_left(resident: Resident, clock: Clock) -> None:
    kept = uploaded(resident)
    stray = files(kept)[0].with_name(kept[:2] + "f" * 30)
    stray.write_bytes(b"x")
    now = clock.now.fromtimestamp(time.time(), clock.now.tzinfo)
    attachments.sweep(now + timedelta(hours=20))
    assert stray.exists()
    attachments.sweep(now + timedelta(hours=30))
    assert not stray.exists()


def test_a_case_of_its_own_words_has_none(
    client: TestClient, actions: Actions, resident: Resident, look: Look, sign_in: SignIn
) -> None:
    actions.file(draft_of(resident, look))
    no = look(select(Case.no))[0]
    shown = client.get(f"/api/v1/cases/{no}/attachments", headers=sign_in(Role.CLERK)).json()
    assert shown == {"items": [], "location": None}
