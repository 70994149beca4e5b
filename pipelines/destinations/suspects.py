"""Guesses which items of a refused batch are to blame, from what they look like.

A guess only decides in which order and in which groups items are sent; it never rejects one.
"""

import math
import re
from collections import Counter, deque
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from statistics import fmean

Features = frozenset[str]
"""What an item looks like: one text for each thing that others may have in common with it."""

REMEMBERED_ROWS = 1000
"""Items of the latest refused batches that causes are learned from: ten batches. More would cost
time for each refused batch, fewer would not show causes of one row in a batch."""
MOST_CAUSES = 8
"""Causes looked for at a time; files with more different faults have larger ones among them."""
EVIDENCE = 7.0
"""Nats by which a feature must beat chance to be a cause: about 1 in 1,000 by accident, as an item
has some dozen features. Two items of two will do where 1 in 100 is refused."""
USUAL_ROWS = 100
"""One refused item in so many is expected before there is any experience: a batch's one."""
SHARPNESS = 2
"""Power of the blame of rare features. Measured: with 1 an odd item of the first batch takes 4 to 6
requests, with 2 it takes 2 to 5; with 3 a message that misleads would cost one or two more."""
_LONGEST_VALUE = 40
"""Characters; longer values are texts, which items do not share."""
_PREFIX_DIGITS = range(2, 6)
"""Digits of a phone number that are looked at: country code, area or mobile network."""
_UNIQUE = frozenset({"Id", "Address"})

_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"\w+")


def find_features(items: Sequence[object]) -> list[Features]:
    """Describe the parsed items of a batch; what is no JSON object has no features."""
    described = [_flatten(item) for item in items]
    paths = set().union(*described)
    return [
        frozenset(_describe(leaves)).union(f"{path} absent" for path in paths - leaves.keys())
        for leaves in described
    ]


def share_blame(items: Sequence[object], batch: Sequence[Features], message: str) -> list[float]:
    """Guess without experience: what is rare in the batch is suspect.

    Each kind of feature shares one blame among the values found, and each value its part among the
    items that have it. Where the message mentions members of the items, only these are looked at.

    Args:
        items: The parsed items.
        batch: Their features.
        message: Why the service refused the batch.

    Returns:
        Factors with mean 1.
    """
    objects = [item if isinstance(item, dict) else {} for item in items]
    words = set(_WORDS.findall(message.casefold()))
    mentioned = {name for name in set().union(*objects) if name.casefold() in words}
    if mentioned:
        batch = find_features([{n: item[n] for n in mentioned & item.keys()} for item in objects])
    counts = Counter(chain.from_iterable(batch))
    variety = Counter(map(_kind, counts))
    share = {feature: 1 / count / variety[_kind(feature)] for feature, count in counts.items()}
    # Everyone gets something, as items may have no features at all.
    blame = [(1 / len(batch) + sum(map(share.__getitem__, row))) ** SHARPNESS for row in batch]
    mean = fmean(blame)
    return [each / mean for each in blame]


def _kind(feature: str) -> str:
    return feature.partition(": ")[0]


def _flatten(item: object) -> dict[str, object]:
    leaves: dict[str, object] = {}

    def walk(members: dict[str, object], prefix: str) -> None:
        for name, value in members.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{name}.")
            else:
                leaves[prefix + name] = value

    if isinstance(item, dict):
        walk(item, "")
    return leaves


def _describe(leaves: dict[str, object]) -> list[str]:
    features: list[str] = []
    for path, value in leaves.items():
        values = value if isinstance(value, list) else [value]
        if len(values) != 1:
            features.append(f"{path} values in bits: {len(values).bit_length()}")
        for each in values:
            if isinstance(each, str):
                features += _describe_text(path, each)
            else:
                features.append(f"{path} type: {type(each).__name__}")
    return features


@lru_cache(maxsize=4096)  # most values of a file come again and again
def _describe_text(path: str, text: str) -> tuple[str, ...]:
    shape = _LETTERS.sub("a", _DIGITS.sub("9", text[:_LONGEST_VALUE]))
    features = [f"{path} length in bits: {len(text).bit_length()}", f"{path} shape: {shape}"]
    if path not in _UNIQUE and len(text) <= _LONGEST_VALUE:
        features.append(f"{path} value: {text}")
    if "@" in text:
        features.append(f"{path} domain: {text.rpartition('@')[2]}")
    elif text.startswith("+"):
        features += [f"{path} first {length}: {text[: length + 1]}" for length in _PREFIX_DIGITS]
    return tuple(features)


class Suspicions:
    """What refused items had in common so far; the caller guards it by a lock."""

    def __init__(self) -> None:
        """Start without experience."""
        self._rows: deque[tuple[Features, bool]] = deque()
        self._hits: Counter[str] = Counter()
        self._misses: Counter[str] = Counter()

    def note(self, features: Features, *, is_refused: bool) -> None:
        """Remember what became of an item of a refused batch."""
        self._rows.append((features, is_refused))
        (self._hits if is_refused else self._misses).update(features)
        if len(self._rows) > REMEMBERED_ROWS:
            forgotten, was_refused = self._rows.popleft()
            _uncount(self._hits if was_refused else self._misses, forgotten)

    def rate(self, batch: Sequence[Features], blame: Sequence[float]) -> list[float]:
        """Give each item's chance to be refused.

        Args:
            batch: The items.
            blame: How suspect each one is without experience, as a factor.
        """
        causes, usual = self._find_causes()
        return [
            max((causes[cause] for cause in features & causes.keys()), default=usual * factor)
            for features, factor in zip(batch, blame, strict=True)
        ]

    def _find_causes(self) -> tuple[dict[str, float], float]:
        """Find features that explain refusals, one after the other.

        Each one is judged by the items that those before do not explain, or else everything that
        goes along with a cause would be suspected too.

        Returns:
            Each cause with the share of items refused among those that have it, and the share
            among the items that have none.
        """
        rows = list(self._rows)
        hits, misses = self._hits.copy(), self._misses.copy()
        causes: dict[str, float] = {}
        usual = _share_refused(rows)
        for _ in range(MOST_CAUSES):
            cause = _find_cause(hits, misses, usual)
            if cause is None:
                break
            causes[cause] = (hits[cause] + usual) / (hits[cause] + misses[cause] + 1)
            for features, is_refused in rows:
                if cause in features:
                    _uncount(hits if is_refused else misses, features)
            rows = [row for row in rows if cause not in row[0]]
            usual = _share_refused(rows)
        return causes, usual


def _share_refused(rows: Sequence[tuple[Features, bool]]) -> float:
    refused = sum(is_refused for _, is_refused in rows)
    return (1 + refused) / (USUAL_ROWS + len(rows))


def _uncount(counts: Counter[str], features: Features) -> None:
    for feature in features:
        counts[feature] -= 1
        if not counts[feature]:
            del counts[feature]


def _find_cause(hits: Counter[str], misses: Counter[str], usual: float) -> str | None:
    nats_per_hit = -math.log(usual)
    evidence, cause = max(
        (
            (_weigh(count, misses[feature], usual), feature)
            for feature, count in hits.items()
            # Those few that may be evidence enough; that of one item alone never is.
            if count * nats_per_hit > EVIDENCE
        ),
        default=(0.0, None),
    )
    return cause if evidence > EVIDENCE else None


def _weigh(hits: int, misses: int, usual: float) -> float:
    """Give the nats that speak against these hits being as frequent as usual (Chernoff's bound)."""
    share = hits / (hits + misses)
    if share <= usual:
        return 0.0
    nats = hits * math.log(share / usual)
    if misses:
        nats += misses * math.log((1 - share) / (1 - usual))
    return nats
