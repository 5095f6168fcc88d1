"""Tables of the channel: who follows the account, and what came from them and is not answered yet."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.columns import UtcDateTime
from api.crypto import EncryptedText
from api.db import Base


class Follower(Base):
    """One follower of the account.

    Attributes:
        openid_index: keyed digest of the openid, by which a follower is found; the openid itself is encrypted.
        session_id: the conversation; empty before the first message, or after its conversation was erased.
        last_message_at: when they last did something in 微信; they may be written to freely for 48 hours after it.
        left_at: when they unfollowed; empty while they follow.
    """

    __tablename__ = "wechat_followers"

    id: Mapped[int] = mapped_column(primary_key=True)
    openid_index: Mapped[str] = mapped_column(String(64), unique=True)
    openid: Mapped[str] = mapped_column(EncryptedText)
    session_id: Mapped[str | None] = mapped_column(ForeignKey("chat_sessions.id", ondelete="SET NULL"), index=True)
    last_message_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Inbound(Base):
    """A message as it came, so that 微信 may be told that it arrived before the bot has read it.

    Attributes:
        msg_id: 微信's id of it, by which its repetitions are known; the ``client_id`` of the turn.
        content: encrypted JSON of ``Heard``; empty once the transcript has it.
    """

    __tablename__ = "wechat_inbound"
    __table_args__ = (UniqueConstraint("follower_id", "msg_id", name="uq_wechat_inbound_msg_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    follower_id: Mapped[int] = mapped_column(ForeignKey("wechat_followers.id", ondelete="CASCADE"))
    msg_id: Mapped[str] = mapped_column(String(64))
    content: Mapped[str | None] = mapped_column(EncryptedText)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
