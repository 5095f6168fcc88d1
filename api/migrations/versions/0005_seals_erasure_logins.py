"""Where each history ends, under a seal; erasure; sign-ins by place and their audit; saved views."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from api.crypto import keyed_digest

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds the columns and tables, and seals the histories as they stand."""
    op.add_column("cases", sa.Column("history_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("cases", sa.Column("history_seal", sa.String(length=64), nullable=True))
    op.add_column("cases", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("case_history", sa.Column("note_digest", sa.String(length=64), nullable=True))
    op.add_column("login_attempts", sa.Column("source", sa.String(length=64), server_default="", nullable=False))
    op.create_table(
        "login_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("source_index", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_events"),
    )
    op.create_index("ix_login_events_at", "login_events", ["at"])
    op.create_index("ix_login_events_known", "login_events", ["username", "source_index", "outcome"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_saved_views_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
        sa.UniqueConstraint("user_id", "name", name="uq_saved_views_name"),
    )
    _seal()


def _seal() -> None:
    db = op.get_bind()
    ends = db.execute(
        sa.text(
            "SELECT cases.id, cases.history_head, count(case_history.id) FROM cases "
            "LEFT JOIN case_history ON case_history.case_id = cases.id GROUP BY cases.id, cases.history_head"
        )
    ).all()
    for case_id, head, count in ends:
        seal = keyed_digest("anchor", f"{case_id}:{count}:{head}")
        found = {"id": case_id, "count": count, "seal": seal}
        db.execute(sa.text("UPDATE cases SET history_count = :count, history_seal = :seal WHERE id = :id"), found)


def downgrade() -> None:
    """Takes them away; what was erased stays erased."""
    op.drop_table("saved_views")
    op.drop_table("login_events")
    op.drop_column("login_attempts", "source")
    op.drop_column("case_history", "note_digest")
    op.drop_column("cases", "erased_at")
    op.drop_column("cases", "history_seal")
    op.drop_column("cases", "history_count")
