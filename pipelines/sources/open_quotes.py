"""Open quotes: one that is never closed makes text of all that is behind it."""

import re

from pipelines.sources.dialects import Dialect


def find_open_quote(text: str, dialect: Dialect) -> int | None:
    """Give the number of a record's field, from 0, whose quote is not closed, if there is one."""
    if not dialect.quote:
        return None
    quote, escape = re.escape(dialect.quote), re.escape(dialect.escape)
    other = rf"(?:[^{quote}{escape}]" + (rf"|{escape}.)" if escape else ")")
    quoted = re.compile(rf"{quote}(?:{other}|{quote}{quote})*+{quote}", re.DOTALL)
    between = rf"(?:[^{re.escape(dialect.delimiter)}\r\n{escape}]" + (
        rf"|{escape}.)*+" if escape else ")*+"
    )
    field_end = re.compile(rf"{between}[{re.escape(dialect.delimiter)}\r\n]", re.DOTALL)
    at = position = 0
    while at < len(text):
        if text[at] == dialect.quote:
            whole = quoted.match(text, at)
            if whole is None:
                return position
            at = whole.end()
        end = field_end.match(text, at)
        if end is None:
            return None
        at = end.end()
        position += 1
    return None


def ends_open(value: str | None, end: bytes, dialect: Dialect) -> bool:
    """Say whether the quote of a file's last value is not closed.

    The value then ends where the file ends; a closed one has its quote behind it.

    Args:
        value: The last value of the last record.
        end: The last bytes of the file, in UTF-8.
        dialect: How it is written.
    """
    quote = dialect.quote
    if not quote or value is None or not {"\n", "\r"} & set(value):
        return False
    written = {value.replace(quote, 2 * quote)}
    if dialect.escape:
        escaped = value.replace(dialect.escape, 2 * dialect.escape)
        written |= {
            escaped.replace(quote, dialect.escape + quote),
            escaped.replace(quote, 2 * quote),
        }
    tails = [text.encode()[-len(end) // 2 :] for text in written]
    closed = end.rstrip(b"\r\n")
    return any(end.endswith(t) and not closed.endswith(t + quote.encode()) for t in tails)
