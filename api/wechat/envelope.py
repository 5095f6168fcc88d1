"""What wraps a message of 微信: signature, age, encryption, XML, by the rules of 公众平台's documentation."""

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy import parse_message
from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException
from wechatpy.replies import TextReply
from wechatpy.utils import WeChatSigner

from api.errors import Problem
from api.wechat.config import WechatConfig

MAX_AGE_SECONDS = 300
"""微信 repeats a message within 15 seconds; the rest is for clocks that go wrong."""

_OPENID = re.compile(r"[\w-]{1,64}", re.ASCII)


def signature(*parts: str) -> str:
    """Returns 微信's signature (SHA-1 of the sorted parts, in hex)."""
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


class Envelope:
    """Opens what came with one request and closes what answers it."""

    def __init__(self, config: WechatConfig, query: Mapping[str, str], now: datetime) -> None:
        """Checks signature and age.

        Raises:
            Problem: 403 when it is not from 微信 or too old.
        """
        self.config, self.query, self._now = config, query, now
        self._check(query.get("signature", ""), config.token, self._timestamp, self._nonce)
        age = now.timestamp() - int(self._timestamp) if re.fullmatch(r"\d{1,12}", self._timestamp) else None
        if age is None or abs(age) > MAX_AGE_SECONDS:
            raise Problem(403, "请求的时间不对：可能是重放，或服务器的时钟不准")

    @property
    def _timestamp(self) -> str:
        return self.query.get("timestamp", "")

    @property
    def _nonce(self) -> str:
        return self.query.get("nonce", "")

    @cached_property
    def _crypto(self) -> WeChatCrypto:
        return WeChatCrypto(self.config.token, self.config.aes_key, self.config.app_id)

    @staticmethod
    def _check(given: str, *parts: str) -> None:
        # Compared in constant time, which the library does not.
        if not hmac.compare_digest(signature(*parts).encode(), given.encode()):
            raise Problem(403, "签名不对：请核对公众号后台的 Token 与 LAOXIAN_WECHAT_TOKEN 是否一致")

    def open(self, body: bytes) -> Any:
        """Returns the message in ``body``, as ``wechatpy`` models it.

        Raises:
            Problem: 403 when it is not encrypted as it has to be, 400 when it cannot be read.
        """
        if self.config.aes_key:
            # The outer signature does not cover the body: in 安全模式 an open text proves nothing.
            encrypted = _read(xmltodict.parse, body)["xml"].get("Encrypt")
            if not isinstance(encrypted, str):
                raise Problem(403, "安全模式下只收加密的消息：请核对公众号后台的消息加解密方式")
            self._check(self.query.get("msg_signature", ""), self.config.token, self._timestamp, self._nonce, encrypted)
            body = self._decrypt(encrypted)
        message = _read(parse_message, body)
        if not isinstance(message.source, str) or not _OPENID.fullmatch(message.source):
            raise Problem(400, "消息里没有发送人")
        return message

    def _decrypt(self, encrypted: str) -> bytes:
        try:
            text: str = PrpCrypto(self._crypto.key).decrypt(encrypted, self.config.app_id)
        except InvalidAppIdException:
            raise Problem(403, "消息不是发给这个公众号的：请核对 LAOXIAN_WECHAT_APP_ID") from None
        except Exception:  # the library fails in many ways on bytes that no key of ours has made
            raise Problem(403, "消息解不开：请核对 LAOXIAN_WECHAT_AES_KEY") from None
        return text.encode()

    def close(self, message: Any, text: str | None) -> str:
        """Returns the body that answers ``message`` with ``text``, or says that nothing is to be shown now."""
        if not text:
            return "success"
        # The library does not guard the end mark of a CDATA section.
        xml = TextReply(message=message, content=text.replace("]]>", "]] >"), time=int(self._now.timestamp())).render()
        if not self.config.aes_key:
            return str(xml)
        return str(self._crypto.encrypt_message(xml, secrets.token_hex(8), str(int(self._now.timestamp()))))


def _read(parse: Callable[[str], Any], body: bytes) -> Any:
    try:
        found = parse(body.decode())
        if isinstance(found, dict) and not isinstance(found["xml"], dict):
            raise ValueError
    except (ExpatError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError):
        found = None
    if found is None:
        raise Problem(400, "不是微信的消息格式")
    return found
