"""The errors that the statuses of responses mean."""

from http import HTTPStatus

import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_dixa.errors import ForbiddenError, NotFoundError, RefusedError, TooMuchError
from tap_dixa.log_shapes import shown_text

_MOST_READ = 2_000
"""How much of a refused request's body is read, in bytes."""

_ADVICE: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "Dixa did not accept the request's parameters. Try a smaller "
    "window_days or page_size; if that does not help, please report it",
    HTTPStatus.UNAUTHORIZED: "Dixa did not accept api_token. An administrator makes a new one in "
    "Dixa under Settings, Integrations, API Tokens",
    HTTPStatus.FORBIDDEN: "api_token has no access to this. An administrator can make a token with "
    "access in Dixa under Settings, Integrations, API Tokens",
    HTTPStatus.NOT_FOUND: "there is nothing at this address. Check exports_api_url and "
    "dixa_api_url; if they are right, the account lacks this feature: deselect the stream",
}

_REFUSED: dict[int, type[RefusedError]] = {
    HTTPStatus.UNAUTHORIZED: ForbiddenError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.BAD_REQUEST: TooMuchError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooMuchError,
}

_REDIRECTED = (
    "Dixa redirected the request to another address, which the tap does not follow with a token. "
    "Check exports_api_url and dixa_api_url"
)


def error_of(response: requests.Response, stream: str) -> RetriableAPIError | FatalAPIError:
    """Make the error for a response that is not complete. The beginning of its body is read."""
    status = response.status_code
    if status < HTTPStatus.MULTIPLE_CHOICES:
        message = f"Dixa responded with {_named(status)}, which is no complete response"
        return RetriableAPIError(message, response)
    advice = _REDIRECTED if status < HTTPStatus.BAD_REQUEST else _ADVICE.get(status)
    detail = _detail(response)
    message = f"{stream}: {advice} ({detail})" if advice else f"Dixa responded with {detail}"
    if (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return RetriableAPIError(message, response)
    return _REFUSED.get(status, RefusedError)(message)


def _detail(response: requests.Response) -> str:
    """Give the status and what its body is, in one line."""
    try:
        body: bytes = next(response.iter_content(_MOST_READ), b"")
    except (requests.RequestException, ValueError):
        body = b""  # the status is what decides
    status = _named(response.status_code)
    return f"{status}, {shown_text(body)}" if body.strip() else status


def _named(status: int) -> str:
    """Give a status and its name, if it has one. The response may give it any other."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
