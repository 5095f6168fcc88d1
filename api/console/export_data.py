"""The queue as an Excel file: what its reader may see, masked as on the screen; run in a thread (``Desk.run``)."""

import io
from datetime import datetime
from typing import Any

import structlog
import xlsxwriter  # type: ignore[import-untyped]

from api.cases.listing import CaseFilter, list_cases
from api.cases.models import Case
from api.cases.numbers import LOCAL
from api.cases.views import case_summary
from api.console.data import SOURCES, Ticket, as_staff, order_of, tab_of

LIMIT = 10_000
_PAGE = 500
HEADS = {
    "编号": 20,
    "状态": 10,
    "紧急程度": 10,
    "诉求类型": 12,
    "一级分类": 14,
    "二级分类": 18,
    "诉求内容": 60,
    "地点": 28,
    "街道": 14,
    "社区": 16,
    "主办单位": 24,
    "协办单位": 24,
    "反映人": 10,
    "电话": 16,
    "来源": 10,
    "提交时间": 18,
    "办结期限": 18,
    "超期": 8,
    "退单": 8,
    "重办": 8,
}

log = structlog.get_logger("api.console")


def queue_xlsx(ticket: Ticket, tab: str, order: str, wanted: CaseFilter, now: datetime) -> tuple[bytes, int]:
    """Returns the file of a tab with its filters, at most ``LIMIT`` rows, and how many cases match in all.

    Who took how many rows is logged. Every cell is text or a number: a story that looks like a formula stays a story.
    """
    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("诉求件")
        bold = book.add_format({"bold": True})
        for column, (head, width) in enumerate(HEADS.items()):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, head, bold)
        sheet.freeze_panes(1, 1)
        total = 0
        with as_staff(ticket) as (db, user):
            for page in range(1, LIMIT // _PAGE + 1):
                step = wanted.model_copy(update={"page": page, "page_size": _PAGE})
                cases, total = list_cases(db, user, step, now, where=tab_of(user, tab), order=order_of(order))
                for place, case in enumerate(cases, (page - 1) * _PAGE + 1):
                    for column, value in enumerate(_cells(case, user.role, now)):
                        write = sheet.write_number if isinstance(value, int) else sheet.write_string
                        write(place, column, value)
                db.expunge_all()
                if len(cases) < _PAGE:
                    break
            log.info("queue exported", user_id=ticket.user_id, rows=min(total, LIMIT))
    return out.getvalue(), total


def _cells(case: Case, role: str, now: datetime) -> list[Any]:
    shown = case_summary(case, now, role)
    place, reporter = shown["place"], shown["reporter"]
    return [
        case.no,
        case.status,
        case.urgency,
        case.kind,
        case.category,
        case.subcategory,
        shown["description"],
        place["text"] or "",
        place["street"] or "",
        place["community"] or "",
        case.department,
        "、".join(case.co_departments),
        reporter["name"] or ("匿名" if reporter["anonymous"] else ""),
        reporter["phone"] or "",
        SOURCES.get(case.source, case.source),
        f"{case.created_at.astimezone(LOCAL):%Y-%m-%d %H:%M}",
        f"{case.due_at.astimezone(LOCAL):%Y-%m-%d %H:%M}",
        "是" if shown["overdue"] else "",
        case.returned_count,
        case.reopened_count,
    ]
