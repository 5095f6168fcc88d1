"""RFC 9457 problem details with a Chinese ``detail``: the one shape of every error that leaves the service."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

TITLES = {
    400: "请求有误",
    401: "请先登录",
    403: "没有权限",
    404: "没有找到",
    405: "方法不支持",
    409: "状态冲突",
    413: "内容过大",
    415: "格式不支持",
    422: "内容不完整或有误",
    429: "操作太频繁",
    500: "系统出错",
    503: "服务暂不可用",
}


class Problem(Exception):
    """An error that the caller can understand and act on.

    Args:
        status: HTTP status code.
        detail: one Chinese sentence that says what is wrong and what to do.
        headers: extra response headers, such as ``Retry-After``.
        extra: further members of the problem object.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **extra: object) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.extra = status, detail, headers, extra


def problem_response(
    status: int, detail: str, headers: dict[str, str] | None = None, extra: dict[str, object] | None = None
) -> JSONResponse:
    """Returns the ``application/problem+json`` response for an error."""
    body = {"type": "about:blank", "title": TITLES.get(status, "出错了"), "status": status, "detail": detail}
    return JSONResponse(body | (extra or {}), status, headers, media_type="application/problem+json")


def _describe(error: dict) -> str:  # type: ignore[type-arg]
    where = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    wording = {
        "missing": "缺少必填项",
        "string_too_long": "内容太长",
        "string_too_short": "内容太短",
        "json_invalid": "不是有效的 JSON",
        "enum": "取值不在范围内",
        "literal_error": "取值不在范围内",
        "extra_forbidden": "不认识的字段",
    }
    return f"{where or '请求体'}：{wording.get(error['type'], '格式不对')}"


def install_error_handlers(app: FastAPI) -> None:
    """Makes every error of ``app`` a problem object; an unforeseen one is logged by the middleware, never shown."""

    @app.exception_handler(Problem)
    async def _problem(_request: Request, error: Problem) -> JSONResponse:
        return problem_response(error.status, error.detail, error.headers, error.extra)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(422, "；".join(_describe(one) for one in error.errors()[:5]))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        detail = error.detail if isinstance(error.detail, str) and not error.detail.isascii() else None
        headers = dict(error.headers) if error.headers else None
        return problem_response(error.status_code, detail or TITLES.get(error.status_code, "出错了"), headers)

    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        return problem_response(500, "系统出了点问题，已经记录下来，请稍后再试")
