"""Lists that an account may lack."""

from __future__ import annotations

from tap_dixa.streams.full_table import FullTableStream


class OptionalStream(FullTableStream):
    """A list of a feature that an account may lack: a 404 skips it, as a 403 does."""

    is_optional = True
