"""The full-table streams: agents, end users, queues, teams, tags and others."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_dixa.errors import ForbiddenError, NotFoundError, UnusableRecordError
from tap_dixa.streams.dixa_api import DixaApiStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record


class FullTableStream(DixaApiStream):
    """A list of the Dixa API, read completely in each run.

    A new one also needs ``schemas/NAME.json`` and its place in `tap_dixa.streams.STREAMS`.
    """

    complete_statuses = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})

    is_optional = False
    """Whether an account may lack the list: a 404 skips it then, as a 403 does."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Yield every row as a record.

        Raises:
            RefusedError: Dixa refuses a request.
            RetriesExhaustedError: A request failed in all of its attempts.
            UnusableRecordError: A row has no usable key.
        """
        try:
            yield from self.read_list()
        except ForbiddenError as error:
            self.skip(error, begun=self.any_page_read)
        except NotFoundError as error:
            if not self.is_optional:
                raise
            self.skip(error, begun=self.any_page_read)

    def read_list(self) -> Iterator[Record]:
        """Yield every row as a record, for `get_records`."""
        for row in self.request_records(None):
            yield self.to_record(row, None)

    @property
    @override
    def read_whole(self) -> bool:
        return not (self.skipped or self.in_doubt)

    def to_record(self, row: Any, context: Context | None) -> Record:
        """Make a record that fits the schema from a row.

        Raises:
            UnusableRecordError: It has no usable key.
        """
        if isinstance(row, dict):
            record: Record = self.normalize({**(context or {}), **row})
            if all(_is_key(record.get(key)) for key in self.primary_keys):
                return record
        raise UnusableRecordError(
            f"{self.name}: Dixa sent a row whose {' and '.join(self.primary_keys)} cannot be used: "
            f"{row!r:.80}"
        )

    def id_of(self, row: Any) -> Any:
        """Read a row's ``id``. Nothing is reported of its other fields: they are not synced.

        Raises:
            UnusableRecordError: It has none.
        """
        key = {"id": row.get("id")} if isinstance(row, dict) else row
        return self.to_record(key, None)["id"]


def _is_key(value: object) -> bool:
    return isinstance(value, str | int) and value != ""


class AgentsStream(FullTableStream):
    """Agents and administrators."""

    name = "agents"
    path = "/v1/agents"
    primary_keys = ("id",)
    has_page_limit = True


class EndUsersStream(FullTableStream):
    """End users: the customers. Dixa also calls them contacts."""

    name = "end_users"
    path = "/v1/endusers"
    primary_keys = ("id",)
    has_page_limit = True


class QueuesStream(FullTableStream):
    """Queues."""

    name = "queues"
    path = "/v1/queues"
    primary_keys = ("id",)


class TeamsStream(FullTableStream):
    """Teams."""

    name = "teams"
    path = "/v1/teams"
    primary_keys = ("id",)


class TagsStream(FullTableStream):
    """Tags, deactivated ones too: old conversations have them."""

    name = "tags"
    path = "/v1/tags"
    primary_keys = ("id",)
    parameters: ClassVar = {"includeDeactivated": "true"}


class CustomAttributesStream(FullTableStream):
    """What custom fields there are, and what they may hold."""

    name = "custom_attributes"
    path = "/v1/custom-attributes"
    primary_keys = ("id",)


class ContactEndpointsStream(FullTableStream):
    """The addresses and numbers at which an organization can be reached."""

    name = "contact_endpoints"
    path = "/v1/contact-endpoints"
    primary_keys = ("contactEndpointId",)

    @override
    def to_record(self, row: Any, context: Context | None) -> Record:
        # Dixa's conversation flows refer to an endpoint by its address or number.
        if isinstance(row, dict):
            row["contactEndpointId"] = row.get("address") or row.get("number")
        return super().to_record(row, context)
