"""Tables of README.md, filled in from the expectations."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

OUTCOMES = ("accepted", "invalid", "duplicate")


def fill_tables(text: str, expected: dict[str, Any], troubles: Iterable[dict[str, Any]]) -> str:
    """Put the tables between their markers in the text."""
    text = _fill(text, "outcomes", _outcome_table(expected))
    text = _fill(text, "codes", _code_table(expected))
    return _fill(text, "troubles", _trouble_table(troubles))


def _fill(text: str, name: str, table: list[str]) -> str:
    begin, end = f"<!-- {name}: generated -->", f"<!-- /{name} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return "\n".join((f"{before}{begin}", *table, f"{end}{after}"))


def _outcome_table(expected: dict[str, Any]) -> list[str]:
    lines = [f"| file | rows | {' | '.join(OUTCOMES)} |", "|---|---:|---:|---:|---:|"]
    for name, file in expected.items():
        counts = Counter(file["outcomes"].values())
        counts["accepted"] += file["rows"] - counts.total()
        cells = " | ".join(str(counts[outcome]) for outcome in OUTCOMES)
        lines.append(f"| {name} | {file['rows']} | {cells} |")
    return lines


def count_codes(file: dict[str, Any]) -> Counter[str]:
    """Count the issues that are expected of a file, by code."""
    counts = Counter(file.get("header", []))
    for codes in file["codes"].values():
        counts.update(codes)
    return counts


def _code_table(expected: dict[str, Any]) -> list[str]:
    counts = {name: count_codes(file) for name, file in expected.items()}
    codes = sorted(set().union(*counts.values()))
    lines = [f"| issue | {' | '.join(counts)} |", "|---|---:|---:|---:|"]
    lines += [
        f"| `{code}` | {' | '.join(str(found[code]) for found in counts.values())} |"
        for code in codes
    ]
    return lines


def _trouble_table(troubles: Iterable[dict[str, Any]]) -> list[str]:
    lines = ["| file | shows | rows | issues |", "|---|---|---|---|"]
    for trouble in troubles:
        what = trouble["what"].replace("|", "\\|")
        if "options" in trouble:
            options = json.dumps(trouble["options"])[1:-1].replace('"', "")
            what = f"{what} ({options})"
        if "error" in trouble:
            rows, codes = "SourceError", ""
        else:
            counts = Counter(trouble["outcomes"].values())
            rows = ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if counts[name])
            codes = " ".join(f"`{code}`" for code in sorted(count_codes(trouble)))
        lines.append(f"| {trouble['file']} | {what} | {rows or 'none'} | {codes} |")
    return lines
