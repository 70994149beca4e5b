"""What it takes to find the refused items of refused batches, against services of four kinds.

`python -m benchmarks.refusals` prints the requests beyond one per batch for each refused item,
beside the least that any search can do, and the time spent on choosing. No network.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import orjson

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.isolate import Lessons, Rejected, isolate

BATCHES = 200
ITEMS = 100
ACCEPTED = Answer(AnswerKind.ACCEPTED)
Item = dict[str, object]
Send = Callable[[tuple[int, ...]], Answer]

DOMAINS = ("example.com", "example.org", "mail.example", "post.example", "web.example")
CITIES = (("Seattle", "US"), ("München", "DE"), ("São Paulo", "BR"), ("東京", "JP"))
NAMES = "Ada Ben Chloé Dmitri Elif Farah Goran Hana Ivo Jürgen Kemal Lea Mio Noor Olga Pia".split()


def make_item(draw: random.Random, number: int) -> Item:
    """Make one valid item."""
    name, (city, country) = draw.choice(NAMES), draw.choice(CITIES)
    is_sms = draw.random() < 0.5
    phone = f"+{draw.choice((1206, 4915, 5511, 8190))}{draw.randrange(10**7):07d}"
    email = f"{name.lower()}.{draw.randrange(10**4)}@{draw.choice(DOMAINS)}"
    item: Item = {
        "Id": f"crm-{number:06d}",
        "ChannelType": "SMS" if is_sms else "EMAIL",
        "Address": phone if is_sms else email,
        "OptOut": draw.choice(("ALL", "NONE")),
        "EffectiveDate": f"2026-{draw.randint(1, 9):02d}-{draw.randint(1, 28):02d}T10:00:00Z",
        "Location": {"City": city, "Country": country, "PostalCode": str(draw.randrange(99999))},
        "Attributes": {
            "Plan": [draw.choice(("free", "basic", "gold"))],
            "Interests": draw.sample(("jazz", "running", "cooking", "chess"), draw.randint(1, 3)),
        },
        "Metrics": {"Purchases": float(draw.randrange(50))},
        "User": {"UserId": f"user-{number // 2}", "UserAttributes": {"Name": [name]}},
    }
    if draw.random() < 0.7:
        item["Demographic"] = {"Make": draw.choice(("apple", "google")), "Locale": "en_US"}
    return item


def spoil_domain(draw: random.Random, item: Item) -> None:
    item.update(ChannelType="EMAIL", Address=f"p{draw.randrange(10**4)}@blocked.example")


def spoil_prefix(draw: random.Random, item: Item) -> None:
    item.update(ChannelType="SMS", Address=f"+4477{draw.randrange(10**7):07d}")


def spoil_attribute(draw: random.Random, item: Item) -> None:
    item["Attributes"] = {**item["Attributes"], "Plan": ["legacy"]}  # type: ignore[dict-item]


def spoil_nothing(draw: random.Random, item: Item) -> None:
    """Leave no trace: the service alone knows why."""


def halve(positions: tuple[int, ...], send: Send) -> None:
    """Search by plain halving."""
    middle = len(positions) // 2
    for part in (positions[:middle], positions[middle:]):
        if send(part).kind is AnswerKind.REFUSED and len(part) > 1:
            halve(part, send)


message_of={"domain":"Invalid Address","prefix":"Invalid Address","attribute":"Invalid Attributes","all three":"Bad","no pattern":"Bad", "plain halving":""}
def drive(positions: tuple[int, ...], refusal: Answer, items: list[bytes], lessons: Lessons,
          send: Send) -> float:
    """Search by `isolate`; give the seconds it took to choose."""
    steps = isolate(positions, refusal, items.__getitem__, lessons)
    answer: Answer | None = None
    spent = 0.0
    while True:
        began = time.thread_time()
        try:
            step = steps.send(answer)
        except StopIteration:
            return spent + time.thread_time() - began
        spent += time.thread_time() - began
        answer = None if isinstance(step, Rejected) else send(step)


def batches(spoils: list[Callable[..., None]], refused: int, kind: str) -> Iterator[tuple[list[bytes], Send, list[int]]]:
    """Give batches with a service that refuses so many items of each, and a counter of requests."""
    draw = random.Random(f"{kind} {refused}")
    spoil = cycle(spoils)
    for number in range(BATCHES):
        items = [make_item(draw, number * ITEMS + index) for index in range(ITEMS)]
        bad = set(draw.sample(range(ITEMS), refused))
        for position in sorted(bad):
            next(spoil)(draw, items[position])
        requests = [0]

        def send(group, items=items, bad=bad, requests=requests):
            requests[0] += 1
            first = next((position for position in group if position in bad), None)
            if first is None:
                return ACCEPTED
            message = f"Invalid Address: item '{items[first]['Id']}': not like that" if kind == "named" else message_of[kind]
            return Answer(AnswerKind.REFUSED, message)

        yield [orjson.dumps(item) for item in items], send, requests


def main():
    everyone = tuple(range(ITEMS))
    kinds = {
        "plain halving": [spoil_nothing],
        "named": [spoil_nothing],
        "domain": [spoil_domain], "prefix": [spoil_prefix], "attribute": [spoil_attribute],
        "all three": [spoil_domain, spoil_prefix, spoil_attribute],
        "no pattern": [spoil_nothing],
    }
    import sys
    for kind, spoils in kinds.items():
        for fresh in ((False, True) if kind not in ("plain halving", "named") else (False,)):
          row = []
          worst=0; total_s=0
          for refused in (1, 5, 20):
            lessons = Lessons()
            total = 0
            for items, send, requests in batches(spoils, refused, kind):
                refusal = send(everyone)
                if fresh: lessons = Lessons()
                if kind == "plain halving":
                    halve(everyone, send)
                else:
                    s = drive(everyone, refusal, items, lessons, send)
                    worst = max(worst, s); total_s += s
                total += requests[0] - 1
            row.append(total / BATCHES / refused)
          print(f"{kind:14} {'fresh' if fresh else '':6}", *(f"{r:6.2f}" for r in row), f"{1e3*total_s/600:6.1f} ms {1e3*worst:6.1f} worst")
    print("bound", *(f"{math.log2(math.comb(100, d)) / d:6.2f}" for d in (1, 5, 20)))
if __name__ == "__main__":
    main()
