"""Durations, as people say them."""


def say_duration(seconds: float) -> str:
    """Say a time in one or two units.

    >>> [say_duration(s) for s in (0.2, 40, 1500, 5000, 500_000)]
    ['under a second', '40 s', '25 minutes', '1 h 23 min', '5 days 19 h']
    """
    if seconds < 1:
        return "under a second"
    if seconds < 100:
        return f"{seconds:,.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} minutes"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days:,} days {hours} h"
