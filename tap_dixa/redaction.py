"""Keep secrets out of the log, whichever logger, handler or formatter writes it."""

from __future__ import annotations

import logging
from typing import Any

_SHORTEST = 8
"""A shorter secret is not redacted: it would also be part of innocent words."""
_REDACTED = "(token)"

_secrets: set[str] = set()
_formatter = logging.Formatter()
_make_plain_record = logging.getLogRecordFactory()


def redact(secret: str) -> None:
    """Replace a secret in every log record from now on: messages, tracebacks and stacks."""
    if len(secret) < _SHORTEST:
        return
    _secrets.add(secret)
    # A record is redacted where it is made: handlers can come later, and each logger has its own.
    logging.setLogRecordFactory(_make_record)


def _make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _make_plain_record(*args, **kwargs)
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # logging reports a call with wrong arguments by itself
        return record
    text = message
    if record.exc_info:
        traceback = _formatter.formatException(record.exc_info)
        if _replace(traceback) != traceback:
            # Formatters read the exception itself, each in its own way: it becomes text.
            text, record.exc_info = f"{message}\n{traceback}", None
    if (redacted := _replace(text)) != message:
        record.msg, record.args = redacted, ()
    if record.stack_info:
        record.stack_info = _replace(record.stack_info)
    return record


def _replace(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, _REDACTED)
    return text
