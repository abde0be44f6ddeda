"""A secret stays out of the log, wherever it could appear."""

import io
import logging

import pytest
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from tap_dixa.hidden_token import beginning, hide

SECRET = "tok-3f9a1c77"  # noqa: S105 (it opens nothing)


@pytest.fixture(params=[ConsoleFormatter, StructuredFormatter])
def log(request):
    """Give a logger of its own, with a handler that is added after the secret is known."""
    hide(SECRET)
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(request.param())
    logger = logging.Logger("some.library")  # noqa: LOG001 (no other test's)
    logger.addHandler(handler)
    return logger, output


def fail():
    try:
        raise KeyError(SECRET)  # noqa: TRY301 (the cause of the other)
    except KeyError as error:
        raise ValueError(f"no value for {SECRET}") from error


def test_a_secret_is_in_no_message_and_no_traceback(log):
    logger, output = log
    logger.info("sent %s to %s", f"Bearer {SECRET}", "Dixa")
    try:
        fail()
    except ValueError:
        logger.exception("failed with %s", SECRET, stack_info=True)
    written = output.getvalue()
    assert SECRET not in written
    assert written.count("(token)") == 4  # both messages, both errors of the traceback
    assert "ValueError" in written


def test_no_piece_of_it_is_left_where_a_text_is_cut():
    hide(SECRET)
    for size in range(4, len(SECRET)):
        assert beginning(f"it was {SECRET[:size]}", 100) == "it was "


def test_what_is_too_short_to_be_a_token_is_not_hidden(log):
    logger, output = log
    hide("window")
    logger.info("window 1 of 2")
    assert "window 1 of 2" in output.getvalue()


def test_a_call_with_wrong_arguments_is_reported_by_logging_and_ends_nothing(capsys):
    hide(SECRET)
    logger = logging.Logger("some.library")  # noqa: LOG001 (no other test's)
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    logger.info("%d", "no number")
    assert "--- Logging error ---" in capsys.readouterr().err
