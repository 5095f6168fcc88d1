"""Forms with photos, posted by the browser itself: a phone that opens its camera may drop the page's connection."""

import math
from typing import Annotated

from fastapi import File, Form, Path, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from nicegui import app

from api.accounts.models import Role
from api.chat.attachments import MAX_PHOTOS, too_many
from api.chat.images import MAX_BYTES
from api.chat.location import Where
from api.columns import utcnow
from api.console import grid_data, orders_data
from api.console.session import CurrentDesk
from api.errors import Problem, problem_response

Photos = Annotated[list[UploadFile], File()]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
Words = Annotated[str, Form()]
Number = Annotated[float | None, Form()]


@app.post("/grid/report", include_in_schema=False)
async def report(
    request: Request,
    desk: CurrentDesk,
    key: Words,
    text: Words = "",
    place: Words = "",
    lat: Number = None,
    lng: Number = None,
    accuracy: Number = None,
    photo: Photos = [],  # noqa: B006  FastAPI copies it
) -> Response:
    """Files what a grid worker reports; answers ``{go}``: where the page goes next."""
    try:
        _from_here(request)
        if desk.role != Role.GRID:
            raise Problem(403, "这一页给网格员用，请在诉求件里登记")
        where = _where(lat, lng, accuracy)
        photos = await _read(photo)
        no = await desk.run(grid_data.file, text, place, where, photos, key, utcnow())
    except Problem as problem:
        return _refused(problem)
    return JSONResponse({"go": f"/console/grid?filed={no}"})


@app.post("/orders/{order_id}/receipt", include_in_schema=False)
async def receipt(
    request: Request,
    order_id: Id,
    desk: CurrentDesk,
    text: Words = "",
    photo: Photos = [],  # noqa: B006
) -> Response:
    """Gives the receipt of the own unit; answers ``{go}``."""
    try:
        _from_here(request)
        photos = await _read(photo)
        if len(photos) > 1:
            raise Problem(409, "回执只带一张照片，请删掉多的")
        await desk.run(orders_data.answer, order_id, text, photos[0] if photos else b"", utcnow())
    except Problem as problem:
        return _refused(problem)
    return JSONResponse({"go": "/console/grid?answered=1" if desk.role == Role.GRID else f"/console/orders/{order_id}"})


@app.get("/grid/where", include_in_schema=False)
async def where(
    desk: CurrentDesk,
    lat: Annotated[float, Query(ge=-90, le=90)],
    lng: Annotated[float, Query(ge=-180, le=180)],
    accuracy: Annotated[float | None, Query(ge=0)] = None,
) -> Response:
    """Says where a phone is, ``{words}``."""
    try:
        words = await desk.run(grid_data.place_words, Where(lat, lng, accuracy))
    except Problem as problem:
        return _refused(problem)
    return JSONResponse({"words": words})


@app.get("/orders/{order_id}/photo/{receipt_id}", include_in_schema=False)
async def photo(order_id: Id, receipt_id: Id, desk: CurrentDesk) -> Response:
    """Serves the photo of a receipt to the page, by its cookie."""
    return await desk.run(orders_data.photo, order_id, receipt_id)


def _from_here(request: Request) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "请从工作台里提交")


def _where(lat: float | None, lng: float | None, accuracy: float | None) -> Where | None:
    if lat is None or lng is None:
        return None
    if not (abs(lat) <= 90 and abs(lng) <= 180 and (accuracy is None or 0 <= accuracy < math.inf)):
        raise Problem(422, "手机给的定位不对，请直接写地点")
    return Where(round(lat, 5), round(lng, 5), None if accuracy is None else round(accuracy))


async def _read(photos: list[UploadFile]) -> list[bytes]:
    chosen = [one for one in photos if one.filename]
    if len(chosen) > MAX_PHOTOS:
        raise too_many()
    return [await one.read(MAX_BYTES + 1) for one in chosen]


def _refused(problem: Problem) -> Response:
    return problem_response(problem.status, problem.detail)
