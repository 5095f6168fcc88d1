"""Parses messages with Rasa's own graph runner, with ours, and with sentence vectors sent along; prints all three.

Runs under the bot's Python.

usage: compare_parses.py MODEL.tar.gz
"""

import asyncio
import json
import sys
from pathlib import Path

import rasa.core.processor
from rasa.core.agent import load_agent

from bot import pace
from bot.turn import Turn, current_turn
from classifier.encoder import Encoder

TEXTS = ("小区路灯坏了没人修", "中韩街道枯桃社区，电话13800530101", "在吗", "?")


async def parse(model: str) -> list[dict]:
    """Returns the parse of each text."""
    agent = await load_agent(model_path=model)
    return [await agent.parse_message(text) for text in TEXTS]


async def parse_sent(model: str) -> list[dict]:
    """Returns the parse of the first text with its own vector sent along, with another's, with one of another model."""
    agent = await load_agent(model_path=model)
    encoder = Encoder.load(Path("models/triage/default"))
    own, other = encoder.embed([TEXTS[0], TEXTS[2]])
    found = []
    for version, vector in ((encoder.version, own), (encoder.version, other), ("19990101.0000", other)):
        current_turn.set(Turn(vectors={version: vector}))
        found.append(await agent.parse_message(TEXTS[0]))
    return found


def main() -> None:
    """Writes ``[with dask, in order, with vectors sent, runner in use]`` as JSON."""
    with_dask = asyncio.run(parse(sys.argv[1]))
    pace.install()
    in_order = asyncio.run(parse(sys.argv[1]))
    sent = asyncio.run(parse_sent(sys.argv[1]))
    runner = rasa.core.processor.DaskGraphRunner.__name__
    sys.stdout.write(json.dumps([with_dask, in_order, sent, runner], ensure_ascii=False))


if __name__ == "__main__":
    main()
