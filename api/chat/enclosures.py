"""Tables of what came with a message besides its words: photos, and where the device said it was.

They hang on the message, so that they follow it into whichever draft answers it, and with the draft into the case.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from api.columns import UtcDateTime
from api.crypto import EncryptedText
from api.db import Base


class Attachment(Base):
    """One photo; its pixels lie encrypted in ``DATA_DIR/attachments`` under its id.

    Attributes:
        id: 128 random bits in hex, also the name of the file.
        session_id: the conversation that uploaded it, the only one that may send or discard it.
        message_id: the message it was sent with; empty until then.
        case_id: a case to which it was added later. The case that its message's draft became needs no mention.
        sha256: of the file as it was uploaded, so that the same upload is kept once and an original can be matched.
        bytes: size of the kept picture.
        width: of the kept picture, in pixels.
        height: of the kept picture, in pixels.
    """

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("chat_sessions.id"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("chat_messages.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Position(Base):
    """Where a device was when its message was sent.

    Attributes:
        value: encrypted JSON ``{"lat", "lng", "accuracy"}``: WGS-84 degrees, metres or null.
    """

    __tablename__ = "chat_positions"

    message_id: Mapped[int] = mapped_column(ForeignKey("chat_messages.id"), primary_key=True)
    value: Mapped[str] = mapped_column(EncryptedText)
