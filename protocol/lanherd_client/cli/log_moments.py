"""The moment that `--since` names."""

from datetime import datetime, timedelta

import click

from lanherd_client.durations import parse_duration

_EXAMPLES = "Write how long ago (90s, 10m, 2h30m, 3d) or when (12:30, '2026-11-21 12:30', @UNIX)."


def parse_moment(text: str, now: float) -> float:
    """Unix seconds of a moment such as '10m' (ago), '12:30', '2026-11-21T12:30' or '@1700000000'.

    A time of day without a date is the last such one. Raises ValueError with a sentence.
    """
    text = text.strip()
    try:
        if text.startswith("@"):
            return float(text[1:])
        if ":" in text or "-" in text:
            return _written(text, now)
        return now - parse_duration(text)
    except ValueError as problem:
        raise ValueError(f"{text!r} is no moment. {_EXAMPLES}") from problem


def _written(text: str, now: float) -> float:
    today = datetime.fromtimestamp(now).astimezone()
    if "-" not in text:
        moment = datetime.fromisoformat(f"{today:%Y-%m-%d}T{text}").astimezone()
        if moment > today:
            moment = (moment.replace(tzinfo=None) - timedelta(days=1)).astimezone()
    else:
        moment = datetime.fromisoformat(text).astimezone()
    return moment.timestamp()


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """The callback of an option that names a moment."""
    from lanherd_client.cli.session import now

    if value is None:
        return None
    try:
        return parse_moment(value, now())
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem
