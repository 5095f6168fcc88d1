"""``make soak``: twenty residents at once, a thousand conversations of mixed behaviour, against a house of its own.

Fails when a message stays unanswered, a conversation does not end as it must, a matter is filed twice or not at all,
the processes' memory grows, or a turn's p95 is above the limit.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import httpx
import psutil
from locust import HttpUser, between, events, task
from locust.env import Environment
from rich.console import Console
from rich.table import Table

from ops import bot_model
from ops.bench import start, stop
from ops.house import REPO

CONVERSATIONS = int(os.environ.get("SOAK_CONVERSATIONS", "1000"))
RESIDENTS = 20
P95_MS = 150
GROWTH = 1.10  # of resident memory, from a tenth of the run to its end
MOST_TURNS = 9
PASSWORD = "Soak-only-2026"
OUT = REPO / "build" / "soak.json"


@dataclass
class Tally:
    """What happened, over all residents."""

    begun: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    filed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


TALLY = Tally()


def stories() -> list[str]:
    """Ordinary matters from the repo's own examples: nobody is in danger, and each is an appeal."""
    rows = []
    for file in sorted((REPO / "nlu_data" / "appeals").glob("[!_]*.csv")):
        with file.open(encoding="utf-8") as lines:
            rows += [row["text"] for row in csv.DictReader(lines) if row["urgency"] == "一般"]
    return rows


def communities() -> list[str]:
    """Full names of the communities."""
    with (REPO / "nlu_data" / "places" / "communities.csv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return [row["street"] + row["community"] for row in rows]


STORIES, PLACES = stories(), communities()


class Resident(HttpUser):
    """Holds conversations until enough have been begun; reads and types for two to five seconds before each message."""

    wait_time = between(0.5, 1.5)
    host = "set by main"

    @task
    def converse(self) -> None:
        """Holds one conversation of a behaviour drawn by weight."""
        if TALLY.begun >= CONVERSATIONS:
            gevent.sleep(1)
            return
        TALLY.begun += 1
        behaviour: Callable[[Resident], str | None] = random.choices(*zip(*BEHAVIOURS.items(), strict=True))[0]
        token = self.client.post("/api/v1/chat/sessions", json={}, name="会话").json()["token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.phone = f"138{random.randrange(10**8):08d}"
        self.said: list[str] = []
        wrong = behaviour(self)
        TALLY.ended[behaviour.__name__.strip("_")] += 1
        if wrong:
            TALLY.wrong.append(f"{behaviour.__name__}: {wrong} | {' / '.join(self.said)[:300]}")

    def say(self, text: str, message_id: str | None = None) -> tuple[str, str | None]:
        """Sends one message after the time that typing takes; returns what the bot said and the number it filed."""
        gevent.sleep(random.uniform(2, 5))
        return self.send(text, message_id)

    def send(self, text: str, message_id: str | None = None) -> tuple[str, str | None]:
        """Sends one message at once."""
        self.said.append(text)
        body = {"text": text} | ({"message_id": message_id} if message_id else {})
        with self.client.post(
            "/api/v1/chat/messages", json=body, headers=self.headers, name="一轮", catch_response=True
        ) as answer:
            messages: list[dict[str, Any]] = answer.json().get("messages", []) if answer.ok else []
            if not messages:
                answer.failure(f"没有回话（{answer.status_code}）")
        numbers = [one["case_no"] for one in messages if one.get("case_no")]
        TALLY.filed.extend(numbers)
        return "\n".join(one["text"] for one in messages), numbers[0] if numbers else None

    def answer_until_filed(self, heard: str, number: str | None) -> str | None:
        """Answers what the bot asks; returns what went wrong, or None when the matter is filed."""
        for _ in range(MOST_TURNS):
            if number:
                return None
            heard, number = self.say(self.reply(heard))
        return f"{MOST_TURNS} 句还没登记：{heard[:80]}"

    def reply(self, heard: str) -> str:
        """What an obliging resident answers."""
        if "是否提交" in heard:
            return "确认提交"
        if "电话" in heard:
            return self.phone
        if re.search("哪里|位置|街道", heard):
            return random.choice(PLACES)
        return random.choice(STORIES)


def plain(resident: Resident) -> str | None:
    """Tells, answers, confirms."""
    return resident.answer_until_filed(*resident.say(random.choice(STORIES)))


def at_once(resident: Resident) -> str | None:
    """Says everything in one message."""
    text = f"{random.choice(PLACES)}，{random.choice(STORIES)}，电话{resident.phone}"
    return resident.answer_until_filed(*resident.say(text))


def digressing(resident: Resident) -> str | None:
    """Asks about other things between the answers, and corrects the phone."""
    resident.say("在吗")
    resident.say(random.choice(STORIES))
    heard, number = resident.say("会不会泄露我的电话")
    heard, number = resident.say(resident.reply(heard)) if not number else (heard, number)
    return resident.answer_until_filed(heard, number)


def impatient(resident: Resident) -> str | None:
    """Sends the same message twice at the same moment, as a page does after a lost connection."""
    story = random.choice(STORIES)
    jobs = [gevent.spawn(resident.send, story, "same") for _ in range(2)]
    gevent.joinall(jobs)
    (first, number), (second, _) = jobs[0].value, jobs[1].value
    if first != second:
        return f"重发得到两种回答：{first[:60]} ≠ {second[:60]}"
    return resident.answer_until_filed(first, number)


def leaving(resident: Resident) -> str | None:
    """Tells half and goes away."""
    _, number = resident.say(random.choice(STORIES))
    return "没说完就登记了" if number else None


def cancelling(resident: Resident) -> str | None:
    """Changes their mind before confirming."""
    heard, _ = resident.say(random.choice(STORIES))
    resident.say(resident.reply(heard))
    _, number = resident.say("算了不报了")
    return "不报了还是登记了" if number else None


def chatting(resident: Resident) -> str | None:
    """Wants nothing."""
    numbers = [resident.say(text)[1] for text in ("你好", "你是机器人吗", "今天天气真好", "谢谢 再见")]
    return "闲聊登记成了件" if any(numbers) else None


BEHAVIOURS: dict[Callable[[Resident], str | None], int] = {
    plain: 35, at_once: 20, digressing: 15, impatient: 10, leaving: 8, cancelling: 6, chatting: 6,
}  # fmt: skip


def watch_memory(house: psutil.Process) -> None:
    """Notes the house's memory (MB, every process) every ten seconds."""
    while True:
        sizes = [house.memory_info().rss, *(child.memory_info().rss for child in house.children(recursive=True))]
        TALLY.memory_mb.append(sum(sizes) / 1e6)
        gevent.sleep(10)


def main() -> int:
    """Runs the soak and returns 0 when everything held."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="laoxian-soak-") as folder:
        bot_model.ensure(Path(folder) / "bot")
        url, house = start(folder, LAOXIAN_DEMO_PASSWORD=PASSWORD)
        try:
            stats = run(url, house.pid)
            counted = count_cases(url)
        finally:
            stop(house)
    return report(console, stats, counted)


def run(url: str, pid: int) -> Any:
    """Lets the residents talk until enough conversations were held; returns locust's statistics of the turns."""
    Resident.host = url
    environment = Environment(user_classes=[Resident], events=events)
    runner = environment.create_local_runner()
    watcher = gevent.spawn(watch_memory, psutil.Process(pid))
    runner.start(RESIDENTS, spawn_rate=5)
    while sum(TALLY.ended.values()) < CONVERSATIONS:
        gevent.sleep(1)
    runner.quit()
    watcher.kill()
    return environment.stats.get("一轮", "POST")


def count_cases(url: str) -> int:
    """How many cases the desk has, as staff see it."""
    with httpx.Client(base_url=url, timeout=30) as client:
        form = {"username": "admin", "password": PASSWORD}
        token = client.post("/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        page = client.get("/api/v1/cases?page_size=1", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        total: int = page.json()["total"]
        return total


def report(console: Console, stats: Any, counted: int) -> int:
    """Prints the table, writes ``build/soak.json``; returns 1 when something did not hold."""
    memory = TALLY.memory_mb
    early = memory[len(memory) // 10] if memory else 0.0
    growth = memory[-1] / early if early else 1.0
    p50, p95 = stats.get_response_time_percentile(0.5), stats.get_response_time_percentile(0.95)
    distinct = len(set(TALLY.filed))
    rows = [
        ("对话", str(sum(TALLY.ended.values())), str(CONVERSATIONS), True),
        ("没有回话的句子", str(stats.num_failures), "0", stats.num_failures == 0),
        ("没有照该有的样子收尾", str(len(TALLY.wrong)), "0", not TALLY.wrong),
        ("登记的件 / 库里的件", f"{distinct} / {counted}", "相等", distinct == counted),
        ("一轮 p50", f"{p50:.0f} ms", "—", True),
        (f"一轮 p95（{RESIDENTS} 人同时）", f"{p95:.0f} ms", f"≤ {P95_MS} ms", p95 <= P95_MS),
        ("内存（十分之一处 → 结束）", f"{early:.0f} → {memory[-1]:.0f} MB", f"≤ {GROWTH:.0%}", growth <= GROWTH),
    ]
    table = Table("项", "结果", "目标", "", title="浸泡")
    for name, measured, wanted, good in rows:
        table.add_row(name, measured, wanted, "✓" if good else "✗")
    console.print(table)
    for line in TALLY.wrong[:20]:
        console.print(line, highlight=False, markup=False)
    OUT.parent.mkdir(exist_ok=True)
    found = {"p50_ms": p50, "p95_ms": p95, "memory_mb": memory, "ended": TALLY.ended, "wrong": TALLY.wrong,
             "filed": distinct, "counted": counted, "failures": stats.num_failures}  # fmt: skip
    OUT.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if all(good for *_, good in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
