"""The login: a plain form that is posted, so that password managers know it."""

from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import app, ui

from api.console.frame import assets, text
from api.console.session import local_path
from api.settings import get_settings


@ui.page("/login", title="登录 · 崂先办工作台", response_timeout=30)
def login(request: Request, wanted: str = "/") -> None:
    """Asks for name and password."""
    assets()
    kept = app.storage.browser
    notice, username = kept.pop("notice", None), kept.pop("username", "")
    path = local_path(kept.pop("wanted", None) or wanted)
    action = f"{request.scope.get('root_path', '')}/sign-in"
    with ui.element("div").classes("page login"), ui.element("form").props(f'method="post" action="{action}"'):
        text("崂先办", "h1")
        text("工作台 · 崂山区诉求受理", "p", "hint")
        if notice:
            text(str(notice), "p", "notice").props('role="alert"')
        # The cursor stands where something is missing.
        _field(
            "用户名", name="username", autocomplete="username", value=username, required=True, autofocus=not username
        )
        _field(
            "密码",
            name="password",
            type="password",
            autocomplete="current-password",
            required=True,
            autofocus=bool(username),
        )
        ui.element("input").props.update({"type": "hidden", "name": "wanted", "value": path})
        with ui.element("button").props('type="submit"'):
            text("登录")
        if get_settings().oidc_issuer:
            with ui.element("a").props(f'href="/console/oidc?wanted={quote(path)}"').classes("oidc"):
                text(f"用{get_settings().oidc_name}登录")
        text("连错 5 次锁定 15 分钟。忘记密码请找管理员重设。", "p", "hint")


def _field(label: str, **attributes: Any) -> None:
    with ui.element("label"):
        text(label)
        ui.element("input").props.update(attributes)
