"""A form with words and photos, sent by ``assets/forms.js``."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from nicegui import ui

from api.console.frame import ASSETS, text

TYPES = "image/jpeg,image/png,image/webp"
"""With these named, phones that keep HEIC hand out JPEG."""


def form_assets() -> None:
    """Adds the script to a page; call it once, before the forms."""
    ui.add_body_html(f"<script>{(ASSETS / 'forms.js').read_text('utf-8')}</script>")


def restore_forms() -> None:
    """Brings back what was written before the phone threw the page away; call it after the forms."""
    ui.timer(0.2, lambda: ui.run_javascript("restoreForms()"), once=True)


@contextmanager
def photo_form(address: str, send: str, photos: int) -> Iterator[ui.element]:
    """Adds a form that is posted to ``address`` below the console; the caller adds its fields.

    Args:
        address: such as ``/grid/report``; it answers ``{go}`` or a problem.
        send: words of the button.
        photos: at most so many.
    """
    with ui.element("form").classes("photo-form") as form:
        form.props.update({"data-send": f"/console{address}", "data-photos": photos, "novalidate": True})
        yield form
        with ui.element("div").classes("pick"):
            _chooser("拍照", many=False, camera=True)
            _chooser("从相册选", many=photos > 1, camera=False)
        ui.element("div").classes("shots").props('role="group" aria-label="选好的照片"')
        text("", "p", "said").props('role="status"')
        with ui.element("button").classes("big").props('type="submit"'):
            text(send)


def _chooser(words: str, *, many: bool, camera: bool) -> None:
    with ui.element("label").classes("big second"):
        text(words)
        field = ui.element("input")
        field.props.update({"type": "file", "name": "photo", "accept": TYPES, "multiple": many})
        if camera:
            field.props["capture"] = "environment"


def area(name: str, label: str, hint: str, limit: int, rows: int = 3) -> None:
    """Adds a labelled box for words."""
    with ui.element("label"):
        text(label)
        ui.element("textarea").props.update({"name": name, "placeholder": hint, "maxlength": limit, "rows": rows})


def line(name: str, label: str, hint: str, limit: int) -> None:
    """Adds a labelled line for words."""
    with ui.element("label"):
        text(label)
        ui.element("input").props.update({"name": name, "placeholder": hint, "maxlength": limit, "autocomplete": "off"})


def hidden(name: str, value: str = "") -> None:
    """Adds a field that nobody sees."""
    ui.element("input").props.update({"type": "hidden", "name": name, "value": value})


def fresh_key() -> str:
    """Returns a key under which a form is filed once, however often it is sent."""
    return uuid4().hex
