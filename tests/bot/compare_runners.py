"""Parses messages with Rasa's own graph runner and with ours; prints both. Runs under the bot's Python.

usage: compare_runners.py MODEL.tar.gz
"""

import asyncio
import json
import sys

import rasa.core.processor
from rasa.core.agent import load_agent

from bot import pace

TEXTS = ("小区路灯坏了没人修", "中韩街道枯桃社区，电话13800530101", "在吗", "?")


async def parse(model: str) -> list[dict]:
    """Returns the parse of each text."""
    agent = await load_agent(model_path=model)
    return [await agent.parse_message(text) for text in TEXTS]


def main() -> None:
    """Writes ``[with dask, in order, runner in use]`` as JSON."""
    with_dask = asyncio.run(parse(sys.argv[1]))
    pace.install()
    in_order = asyncio.run(parse(sys.argv[1]))
    runner = rasa.core.processor.DaskGraphRunner.__name__
    sys.stdout.write(json.dumps([with_dask, in_order, runner], ensure_ascii=False))


if __name__ == "__main__":
    main()
