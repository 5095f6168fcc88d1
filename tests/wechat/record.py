"""Writes ``recorded/``: requests as 微信 sends them, signed with the token of the tests, in both modes."""

import json
from pathlib import Path
from typing import Any, cast

from tests.conftest import Clock
from tests.wechat.conftest import Server

MESSAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "text": ("text", {"Content": "海尔路61号的路灯不亮", "MsgId": 24500000000000001}, "听到：海尔路61号的路灯不亮"),
    "voice": (
        "voice",
        {"MediaId": "m-1", "Format": "amr", "Recognition": "楼下天天有人跳舞。", "MsgId": 24500000000000002},
        "听到：楼下天天有人跳舞。",
    ),
    "subscribe": ("event", {"Event": "subscribe", "EventKey": ""}, "加密保存"),
}


class _Recorder:
    def post(self, _path: str, params: dict[str, str], content: bytes) -> dict[str, Any]:
        return {"query": params, "body": content.decode()}


def main() -> None:
    """Writes the files anew."""
    for mode in ("plain", "safe"):
        server = Server(cast(Any, _Recorder()), Clock(), mode)
        for name, (kind, fields, answer) in MESSAGES.items():
            recorded = server.post(server.xml(kind, **fields)) | {"answer": answer}
            path = Path(__file__).parent / "recorded" / f"{name}_{mode}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
