"""BATCH files: written some records at a time, never whole in memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import IO
from uuid import uuid4

import msgspec
from isal import igzip_threaded
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.helpers.types import Record
from singer_sdk.singerlib.messages import RecordMessage
from upath import UPath

from tap_dixa.errors import SettingsError
from tap_dixa.records.compiled import Encodable

_BLOCK = 1 << 19
VERSION_COLUMN = "_sdc_table_version"
"""Where the SDK's targets keep the version of a row."""


def write_files(chunks: Iterator[list[Encodable]], config: BatchConfig, name: str) -> Iterator[str]:
    """Write JSON Lines files, and yield the URL of each one when it is whole.

    A file that is not finished is removed, also when a signal ends the run. The names of a
    stream's files, of later runs too, sort in the order in which they were written.

    A chunk has at most as many records as a file holds. Asking for the next one means that the one
    before it counts as emitted.
    """
    encode = msgspec.json.Encoder().encode_lines
    storage, size = config.storage, config.batch_size
    compress = config.encoding.compression == "gzip"
    folder = UPath(storage.root, **storage.params)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    prefix = f"{storage.prefix or ''}{name}-{now}-{uuid4()}"
    suffix = "json.gz" if compress else "json"
    chunk = next(chunks, None)
    number = 0
    while chunk:
        number += 1
        file_name, count = f"{prefix}-{number:06}.{suffix}", 0
        # Not storage.open: it works for local folders only.
        path = folder / file_name
        try:
            with path.open("wb") as file, _lines(file, compress=compress) as lines:
                while chunk and count + len(chunk) <= size:
                    count += len(chunk)
                    lines.write(encode(chunk))
                    chunk = next(chunks, None)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        yield storage.get_url(file_name)


def batch_record(message: RecordMessage) -> Record:
    """Make the row of a BATCH file: the record, and its version.

    A target that is told to activate a version deletes all rows that do not have it.
    """
    if message.version is None:
        return message.record
    return {**message.record, VERSION_COLUMN: message.version}


def check_batch_config(config: BatchConfig) -> None:
    """Check a batch configuration, and make the folder, before the first request."""
    encoding = config.encoding
    if encoding.format != "jsonl":
        # The SDK takes a parquet file's columns from its first record, and records omit fields.
        raise SettingsError(
            f"batch_config: the format {encoding.format} would lose values. Use jsonl"
        )
    if not isinstance(config.batch_size, int) or config.batch_size < 1:
        raise SettingsError(
            f"batch_config: batch_size must be a whole number from 1, not {config.batch_size!r}"
        )
    storage = config.storage
    if not storage.root:
        raise SettingsError("batch_config: storage.root is empty: name a folder or a bucket")
    if storage.root.removeprefix("file:").removeprefix("//").startswith("~"):
        raise SettingsError(
            f"batch_config: storage.root {storage.root} begins with ~, which only a shell replaces "
            "by a home folder: write the whole path"
        )
    prefix = storage.prefix or ""
    if prefix.startswith("/") or ".." in prefix.split("/"):
        raise SettingsError("batch_config: storage.prefix must be a path below storage.root")
    try:
        file = UPath(storage.root, **storage.params) / f"{prefix}_"
        file.parent.mkdir(parents=True, exist_ok=True)
    except Exception as error:
        reason = str(error)
        if isinstance(error, ImportError) and storage.root.startswith("s3:"):
            reason = "s3:// needs an extra of tap-dixa, as in pip install '.[s3]'"
        raise SettingsError(f"batch_config: storage.root cannot be used: {reason}") from error


def _lines(file: IO[bytes], *, compress: bool) -> AbstractContextManager[IO[bytes]]:
    """Return what lines are written to. A thread compresses a block while the next is filled."""
    if compress:
        gzip: IO[bytes] = igzip_threaded.open(file, "wb", block_size=_BLOCK)  # type: ignore[no-untyped-call]
        return gzip
    return nullcontext(file)
