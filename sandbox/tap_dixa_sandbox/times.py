"""The Dixa API's formats of times. All numbers are Unix ms, UTC."""

from datetime import UTC, datetime, timedelta


def instant(time: int) -> str:
    """Format a time as ``2023-02-01T09:01:52.2Z``: no more decimals than it needs."""
    seconds, rest = divmod(time, 1000)
    text = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    decimals = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{text}{decimals}Z"


def zoned(time: int) -> str:
    """Format a time as ``2023-02-01T09:01:52.2Z[GMT]``."""
    return f"{instant(time)}[GMT]"


def read(text: str) -> int:
    """Read ``2023-02-01T09:01:52Z``.

    Raises:
        ValueError: The text is something else.
    """
    return milliseconds(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))


def milliseconds(time: datetime) -> int:
    """Convert an aware datetime, rounded down."""
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
