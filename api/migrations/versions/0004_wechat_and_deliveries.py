"""The channel of a conversation, followers in 微信, deliveries to the outside."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Adds them; every conversation so far came from the web."""
    op.add_column("chat_sessions", sa.Column("channel", sa.String(length=16), nullable=False, server_default="web"))
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sink", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("lane", sa.String(length=120), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("sink", "key", name="uq_deliveries_key"),
    )
    op.create_index("ix_deliveries_waiting", "deliveries", ["done_at", "next_attempt_at"])
    op.create_index("ix_deliveries_lane", "deliveries", ["lane", "done_at"])
    op.create_table(
        "wechat_followers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("openid_index", sa.String(length=64), nullable=False),
        sa.Column("openid", sa.Text(), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=True),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["chat_sessions.id"],
            name="fk_wechat_followers_session_id_chat_sessions",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_wechat_followers"),
        sa.UniqueConstraint("openid_index", name="uq_wechat_followers_openid_index"),
    )
    op.create_index("ix_wechat_followers_session_id", "wechat_followers", ["session_id"])
    op.create_table(
        "wechat_inbound",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("follower_id", sa.Integer(), nullable=False),
        sa.Column("msg_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["follower_id"],
            ["wechat_followers.id"],
            name="fk_wechat_inbound_follower_id_wechat_followers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_wechat_inbound"),
        sa.UniqueConstraint("follower_id", "msg_id", name="uq_wechat_inbound_msg_id"),
    )
    op.create_index("ix_wechat_inbound_received_at", "wechat_inbound", ["received_at"])


def downgrade() -> None:
    """Drops them; what was not delivered yet is lost, the conversations stay."""
    op.drop_table("wechat_inbound")
    op.drop_table("wechat_followers")
    op.drop_table("deliveries")
    op.drop_column("chat_sessions", "channel")
