"""How Dixa is asked: authentication, refusals and retries. All streams share it."""

from __future__ import annotations

import logging
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast

import backoff
import requests
from singer_sdk import RESTStream
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.exceptions import RetriableAPIError
from singer_sdk.schema.source import SchemaDirectory, StreamSchema
from typing_extensions import override

from tap_dixa import retries, schemas
from tap_dixa.errors import ForbiddenError, GoneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_dixa.settings import Settings
    from tap_dixa.tap import TapDixa

_DETAIL = 200
"""How much of a refusal's body is worth showing, in characters."""

_ADVICE: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "Dixa did not accept the request's parameters. Try a smaller "
    "window_days; if that does not help, please report it",
    HTTPStatus.UNAUTHORIZED: "Dixa did not accept api_token. An administrator makes a new one in "
    "Dixa under Settings, Integrations, API Tokens",
    HTTPStatus.FORBIDDEN: "api_token has no right to this. An administrator can make one that has "
    "in Dixa under Settings, Integrations, API Tokens",
    HTTPStatus.NOT_FOUND: "there is no such address. Check exports_api_url and dixa_api_url",
}

_REFUSALS: dict[int, type[RefusedError]] = {
    HTTPStatus.UNAUTHORIZED: ForbiddenError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: GoneError,
}

_ELSEWHERE = (
    "Dixa sent the request on to another address, which the tap does not follow with a token. "
    "Check exports_api_url and dixa_api_url"
)


SCHEMAS = SchemaDirectory(schemas)
"""The streams' own schemas, by name, whatever a catalog says."""


class DixaStream(RESTStream[Any]):
    """A stream of a Dixa API: knows how to ask, not what."""

    schema: ClassVar[StreamSchema] = StreamSchema(SCHEMAS)
    allow_redirects = False

    @property
    def tap(self) -> TapDixa:
        """The tap this stream belongs to."""
        return cast("TapDixa", self._tap)

    @property
    def settings(self) -> Settings:
        """The tap's checked settings."""
        return self.tap.settings

    left_out = False
    """Whether the token may not read this stream."""

    def leave_out(self, error: ForbiddenError) -> None:
        """Go on without this stream.

        Raises:
            RefusedError: No other stream could be read either.
        """
        self.left_out = True
        self.tap.access.denied(self.name, str(error))

    def report_unknown(self, field: str) -> None:
        """Warn, once, of a field that Dixa sends and the schema does not know."""
        if field not in self._unknown_fields:
            self._unknown_fields.add(field)
            self.log(
                "%s: field %s is not in the schema and is left out",
                self.name,
                " ".join(field.split()),
                level=logging.WARNING,
            )

    @cached_property
    def _unknown_fields(self) -> set[str]:
        return set()

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        # The SDK says so before the first record: a target would throw the old rows away, and
        # an interrupted run leave the table empty. `_sync_records` says it after the last one.
        if self._complete:
            super()._write_activate_version_message(full_table_version)

    _complete = False

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        yield from super()._sync_records(context, write_messages=write_messages)
        version = getattr(self, "_stream_version", None)
        if write_messages and version is not None and not self.left_out:
            self._complete = True
            self._write_activate_version_message(version)

    @cached_property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Puts the token into each request's header."""
        return BearerTokenAuthenticator(token=self.settings.api_token)

    @cached_property
    def user_agent(self) -> str:
        """What the tap calls itself."""
        return self.settings.user_agent or f"tap-dixa/{self.tap.plugin_version}"

    @property
    @override
    def http_headers(self) -> dict[str, str]:
        return {"Accept": "application/json"}

    @property
    @override
    def timeout(self) -> int:
        return self.settings.request_timeout_seconds

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        # The SDK calls every error unhandled before it passes it on, even the end of --test.
        # The command line says what the matter is, once.
        if not message.startswith("An unhandled error occurred"):
            super().log(message, *args, level=level, **kwargs)

    @override
    def validate_response(self, response: requests.Response) -> None:
        status = response.status_code
        if status < HTTPStatus.MULTIPLE_CHOICES:
            self.tap.access.granted()
            return
        with response:
            message = self.response_error_message(response)
        if (
            status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
            or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise RetriableAPIError(message, response)
        raise _REFUSALS.get(status, RefusedError)(message)

    @override
    def response_error_message(self, response: requests.Response) -> str:
        status = response.status_code
        try:
            body = next(response.iter_content(4 * _DETAIL), b"").decode(errors="replace")
        except requests.RequestException:
            body = ""  # the status says enough, and decides what happens next
        said = f"{status} {response.reason}" + (f", {body[:_DETAIL]}" if body else "")
        advice = _ELSEWHERE if status < HTTPStatus.BAD_REQUEST else _ADVICE.get(status)
        return f"{self.name}: {advice} ({said})" if advice else f"Dixa answered {said}"

    @override
    def request_decorator(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # The SDK's own lets backoff log the call's arguments at each try.
        return backoff.on_exception(
            retries.waits,
            retries.RETRIED,
            max_tries=retries.MAX_TRIES,
            giveup=lambda error: not retries.may_pass(error),
            on_backoff=self.backoff_handler,
            jitter=None,
            logger=None,
        )(func)

    @override
    def backoff_handler(self, details: Any) -> None:
        self.log(
            "%s: %s; try %d of %d in %.0f s",
            self._task(details["args"]),
            retries.describe(details["exception"]),
            details["tries"] + 1,
            retries.MAX_TRIES,
            details["wait"],
            level=logging.WARNING,
        )

    def _task(self, arguments: Sequence[Any]) -> str:
        """Name what is being tried, from the arguments of what is tried."""
        return str(arguments[0])
