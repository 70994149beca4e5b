"""What it takes to find the refused items of refused batches; no network.

`python -m benchmarks.refusals` prints, for each kind of service, the requests beyond one per batch
for each refused item, beside the least that is possible, and the CPU time spent on choosing what
to send. Minutes, as it makes its items anew for each line; `--batches 40` is quicker.
"""

import argparse
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.isolate import Lessons, Rejected, isolate

ITEMS = 100
REFUSED = (1, 5, 20)
ACCEPTED = Answer(AnswerKind.ACCEPTED)
Item = dict[str, object]
Spoil = Callable[[random.Random, Item], None]

CITIES = (("Seattle", "US"), ("München", "DE"), ("São Paulo", "BR"), ("東京", "JP"))
DOMAINS = ("example.com", "example.org", "mail.example", "post.example", "web.example")
NAMES = ("Ada", "Ben", "Chloé", "Elif", "Goran", "Hana", "Jürgen", "Lea", "Mio", "Noor", "Olga")
PREFIXES = (1206, 4915, 5511, 8190)


def make_item(draw: random.Random, number: int) -> Item:
    """Make one valid item."""
    name, (city, country) = draw.choice(NAMES), draw.choice(CITIES)
    is_sms = draw.random() < 0.5
    phone = f"+{draw.choice(PREFIXES)}{draw.randrange(10**7):07d}"
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
    item["Attributes"] = {"Plan": ["legacy"], "Interests": ["chess"]}


def spoil_nothing(draw: random.Random, item: Item) -> None:
    """Leave no trace: the service alone knows why."""


class Service:
    """Refuses some items of a batch, and counts requests."""

    def __init__(self, items: Sequence[Item], bad: set[int], message: str) -> None:
        """Take a batch; `{}` in the message stands for the first refused Id."""
        self.items, self.bad, self.message = items, bad, message
        self.requests = 0

    def send(self, group: Sequence[int]) -> Answer:
        """Answer one request."""
        self.requests += 1
        first = next((position for position in group if position in self.bad), None)
        if first is None:
            return ACCEPTED
        return Answer(AnswerKind.REFUSED, self.message.format(self.items[first]["Id"]))


def halve(service: Service, positions: Sequence[int]) -> None:
    """Search a refused batch by plain halving."""
    middle = len(positions) // 2
    for part in (positions[:middle], positions[middle:]):
        if service.send(part).kind is AnswerKind.REFUSED and len(part) > 1:
            halve(service, part)


def search(service: Service, refusal: Answer, lessons: Lessons) -> float:
    """Search a refused batch by `isolate`; give the CPU seconds that choosing took."""
    encoded = [orjson.dumps(item) for item in service.items]
    steps = isolate(range(ITEMS), refusal, encoded.__getitem__, lessons)
    answer: Answer | None = None
    spent_s = 0.0
    while True:
        began = time.thread_time()
        try:
            step = steps.send(answer)
        except StopIteration:
            return spent_s
        finally:
            spent_s += time.thread_time() - began
        answer = None if isinstance(step, Rejected) else service.send(step)


@dataclass(frozen=True)
class Kind:
    """One line of the table."""

    name: str
    message: str
    spoils: tuple[Spoil, ...] = (spoil_nothing,)
    is_halving: bool = False
    has_lessons: bool = True
    """Whether later batches know what earlier ones taught."""


KINDS = (
    Kind("plain halving", "Bad request", is_halving=True),
    Kind("message names the Id", "Invalid Address: item '{}': Address is not valid"),
    Kind("one e-mail domain", "Invalid Address", (spoil_domain,)),
    Kind("one phone prefix", "Invalid Address", (spoil_prefix,)),
    Kind("one attribute value", "Invalid Attributes", (spoil_attribute,)),
    Kind("all three, unnamed", "Bad request", (spoil_domain, spoil_prefix, spoil_attribute)),
    Kind("one domain, 1st batch", "Invalid Address", (spoil_domain,), has_lessons=False),
    Kind("no pattern", "Bad request"),
    Kind("no pattern, 1st batch", "Bad request", has_lessons=False),
)


def measure(kind: Kind, refused: int, batches: int) -> tuple[float, float, float]:
    """Give requests per refused item, and mean and longest CPU seconds per batch."""
    draw = random.Random(refused)
    lessons, requests, spent = Lessons(), 0, []
    for number in range(batches):
        items = [make_item(draw, number * ITEMS + index) for index in range(ITEMS)]
        bad = set(draw.sample(range(ITEMS), refused))
        for index, position in enumerate(sorted(bad), number):
            kind.spoils[index % len(kind.spoils)](draw, items[position])
        service = Service(items, bad, kind.message)
        refusal = service.send(range(ITEMS))
        if kind.is_halving:
            halve(service, range(ITEMS))
        else:
            known = lessons if kind.has_lessons else Lessons()
            spent.append(search(service, refusal, known))
        requests += service.requests - 1
    return requests / batches / refused, sum(spent) / batches, max(spent, default=0.0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=200)
    options = parser.parse_args()
    print(f"{options.batches} refused batches of {ITEMS} items; extra requests per refused item")
    line = partial("{:24}{:8.2f}{:8.2f}{:8.2f}".format)
    print("refused per batch".ljust(24) + "".join(f"{refused:8}" for refused in REFUSED))
    for kind in KINDS:
        costs, means, longest = zip(
            *(measure(kind, refused, options.batches) for refused in REFUSED), strict=True
        )
        cpu = f"{max(means) * 1e3:9.1f} ms CPU a batch, at most {max(longest) * 1e3:.1f}"
        print(line(kind.name, *costs) + cpu * (not kind.is_halving), flush=True)
    # Every set of refused items is as likely, and each answer tells one bit.
    bits = [math.log2(math.comb(ITEMS, refused)) / refused for refused in REFUSED]
    print(line("least, no pattern", *bits))
    # Each refused item alone, and the others together.
    print(line("least without naming", *((refused + 1) / refused for refused in REFUSED)))


if __name__ == "__main__":
    main()
