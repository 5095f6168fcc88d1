"""Full-text search: what each case is found by; queues counted and put in order by an index."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from api.cases.words import POSTGRES_INDEX, SQLITE_INDEX, Document, document
from api.crypto import unseal

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH = 1000
_READ = sa.text(
    "SELECT id, answer, co_departments, department, no, category, subcategory, description, place_text, street, "
    "community FROM cases WHERE id > :last ORDER BY id LIMIT :batch"
)


def upgrade() -> None:
    """Adds the table, fills it from the cases there are, with the indexes of either database."""
    op.create_table(
        "case_words",
        sa.Column("case_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", Document(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_words_case_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_words"),
    )
    op.drop_index("ix_cases_status", "cases")
    op.create_index(
        "ix_cases_queue",
        "cases",
        ["status", "urgency", "due_at", "id"],
        postgresql_include=[
            *("needs_review", "extension_asked", "department", "co_departments", "street", "community"),
        ],
    )
    for statement in POSTGRES_INDEX if op.get_bind().dialect.name == "postgresql" else SQLITE_INDEX:
        op.execute(statement)
    _fill()


def _fill() -> None:
    db = op.get_bind()
    insert = sa.table("case_words", sa.column("case_id", sa.Integer), sa.column("words", Document)).insert()
    last = 0
    while rows := db.execute(_READ, {"last": last, "batch": BATCH}).all():
        found = []
        for case_id, answer, helpers, department, *told in rows:
            units = (department, [name for name in helpers.split("|") if name])
            words = document(*(*told, unseal(answer) if answer else None, *units))
            found.append({"case_id": case_id, "words": words})
        db.execute(insert, found)
        last = rows[-1].id


def downgrade() -> None:
    """Drops it; the cases have lost nothing."""
    op.drop_index("ix_cases_queue", "cases")
    op.create_index("ix_cases_status", "cases", ["status"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE case_words_index")
    else:
        op.drop_index("ix_cases_co_departments", "cases")
    op.drop_table("case_words")
