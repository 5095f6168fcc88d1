"""The photos of a case on its page: small ones in a card, a click opens one in full, which the history keeps."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from fastapi.responses import Response
from nicegui import app, ui
from nicegui.element import Element
from sqlalchemy.orm import Session

from api.accounts.models import User
from api.cases.models import Case
from api.chat import attachment_routes, attachments, location
from api.chat.attachment_routes import Size
from api.columns import utcnow
from api.console.data import Ticket, as_staff
from api.console.frame import text
from api.console.session import CurrentDesk
from api.errors import Problem


def seen_by(db: Session, user: User, case: Case) -> tuple[list[str], str | None]:
    """Returns the ids of the photos of a case and its position in words, nothing of both to roles that see none."""
    try:
        attachment_routes.may_look(user)
    except Problem:
        return [], None
    where = location.of_case(db, case)
    return [one.id for one in attachments.of_case(db, case)], _in_words(where) if where else None


def _in_words(where: location.Where) -> str:
    vague = f"，误差约 {where.accuracy:.0f} 米" if where.accuracy is not None else ""
    return f"纬度 {where.lat:.5f}，经度 {where.lng:.5f}（WGS-84{vague}）"


@app.get("/photos/{no}/{attachment_id}", include_in_schema=False)
async def photo(no: str, attachment_id: str, desk: CurrentDesk, size: Annotated[Size, Query()] = "full") -> Response:
    """Serves a photo to the page, by its cookie."""
    return await desk.run(_photo, no, attachment_id, size, utcnow())


def _photo(ticket: Ticket, no: str, attachment_id: str, size: Size, now: datetime) -> Response:
    with as_staff(ticket) as (db, user):
        return attachment_routes.picture(db, no, attachment_id, user, now, size)


class PhotosCard:
    """The card; ``layer`` holds the photo that is open, so that it stays when the page is built anew."""

    def __init__(self, no: str, ids: list[str], layer: Element) -> None:
        self.no, self.ids, self.layer = no, ids, layer
        if not ids:
            return
        with ui.element("section").classes("card"):
            text(f"照片（{len(ids)} 张）", "h2")
            with ui.element("div").classes("photos"):
                for number, one in enumerate(ids):
                    with ui.element("button").props('type="button"') as button:
                        ui.element("img").props(
                            f'src="{self._path(one)}?size=thumb" alt="照片 {number + 1}，点开看原图"'
                        )
                    button.on("click", lambda number=number: self._open(number))
            text("居民提供，只供办理。点开看原图会记入办理记录。", "p", "hint")

    def _path(self, attachment_id: str) -> str:
        return f"/console/photos/{self.no}/{attachment_id}"

    def _open(self, number: int) -> None:
        def show(at: int) -> None:
            at %= len(self.ids)
            body.clear()
            with body:
                ui.element("img").props(f'src="{self._path(self.ids[at])}" alt="{self.no} 的照片 {at + 1}"')
                with ui.element("div").classes("cluster"):
                    text(f"{at + 1} / {len(self.ids)}")
                    if len(self.ids) > 1:
                        ui.button("上一张", on_click=lambda: show(at - 1)).props("flat dense")
                        ui.button("下一张", on_click=lambda: show(at + 1)).props("flat dense autofocus")
                    ui.button("关闭", on_click=dialog.close).props("flat dense")

        with self.layer, ui.dialog() as dialog:
            body = ui.element("div").classes("photo")
        show(number)
        dialog.on("hide", dialog.delete)
        dialog.open()
