"""Lists that an account may lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_dixa.errors import NotFoundError
from tap_dixa.streams.full_table import FullTableStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record


class OptionalStream(FullTableStream):
    """A list of a feature that an account may lack: a 404 skips it, as a 403 does."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        try:
            yield from super().get_records(context)
        except NotFoundError as error:
            self.skip(error, begun=self.any_page_read)
