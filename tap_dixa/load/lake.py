"""Load into files that stay where they are: in a folder, or in a bucket."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from typing_extensions import override

from tap_dixa.load.loader import Announced, Destination, LoadError, lock

_LONGEST_RUN = timedelta(days=1)
"""Files in a bucket that are older and not listed are of a run that was killed."""
_DESTINATIONS = "A destination is like warehouse.duckdb, postgresql://…, s3://… or a folder"
_NAME = re.compile(r"tap-dixa--\w+-(\d{8}T\d{6})\d{6}Z-.*")
"""The names of BATCH files, and when their run began to write them."""


class Lake(Destination):
    """BATCH files, and ``lake.json``, which is replaced as a whole.

    It lists the files of each stream in the order of their records, with its schema and its
    primary key, and has the state that belongs to them.

    Args:
        url: A folder, or any URL that fsspec knows, such as ``s3://bucket/dixa``.
    """

    unit = "files"
    compression = "gzip"

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            self._storage, self._folder = url_to_fs(url)
        except ValueError as error:  # the protocol is not known
            raise LoadError(f"{error}. {_DESTINATIONS}") from None
        self.root, self._is_local = url, isinstance(self._storage, LocalFileSystem)
        if self._is_local:
            if not url.endswith("/") and not self._storage.isdir(self._folder):
                raise LoadError(
                    f"{url} is no folder. To make it one, write {url}/. {_DESTINATIONS}"
                )
            self.root = f"file://{self._folder}"
            self._storage.makedirs(self._folder, exist_ok=True)
            lock(Path(self._folder))
        self._path = f"{self._folder}/lake.json"
        if not self._storage.exists(self._path):
            self._write(b'{"state": {}, "streams": {}}')  # fails if there is no such bucket
        self._saved: bytes = self._storage.cat_file(self._path)
        self._lake: dict[str, Any] = json.loads(self._saved)
        self._new: dict[str, list[str]] = {}
        self._replaced: set[str] = set()
        self._remove_unlisted(
            datetime.now(UTC) - (timedelta(0) if self._is_local else _LONGEST_RUN)
        )

    @override
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._lake["state"]
        return state

    @override
    def prepare(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> None:
        listed = self._lake["streams"].setdefault(stream, {"files": []})
        listed.update(schema=schema, keys=keys)
        self._new[stream] = []

    @override
    def load(self, announced: Announced) -> None:
        streams = self._lake["streams"]
        for stream, urls in announced.files.items():
            names = [url.rsplit("/", 1)[1] for url in urls]
            self._new[stream] += names
            streams[stream]["files"] += names
            self.loaded[stream] += len(names)
        for stream in announced.versions:  # this run's files have all rows that there are
            replaced = set(streams[stream]["files"]) - set(self._new[stream])
            self._replaced |= replaced
            self.deleted[stream] += len(replaced)
            streams[stream]["files"] = self._new[stream]
        if announced.state is not None:
            self._lake["state"] = announced.state
        if self._storage.cat_file(self._path) != self._saved:
            raise LoadError(f"Another run has changed {self.root}/lake.json: run this again")
        self._saved = json.dumps(self._lake).encode()
        self._write(self._saved)

    @override
    def finish(self) -> dict[str, int]:
        for name in self._replaced:
            self._storage.rm_file(f"{self._folder}/{name}")
        return {stream: len(self._lake["streams"][stream]["files"]) for stream in self._new}

    def _write(self, content: bytes) -> None:
        if self._is_local:
            self._storage.pipe_file(f"{self._folder}/lake.new", content)
            self._storage.mv(f"{self._folder}/lake.new", self._path)
        else:  # a bucket replaces an object as a whole, and fsspec moves patterns, such as a?
            self._storage.pipe_file(self._path, content)

    def _remove_unlisted(self, before: datetime) -> None:
        """Remove what runs left that were killed before a time."""
        listed = {name for stream in self._lake["streams"].values() for name in stream["files"]}
        for path in self._storage.find(self._folder, maxdepth=1):
            name = path.rsplit("/", 1)[1]
            if (match := _NAME.fullmatch(name)) and name not in listed:
                written = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
                if written < before:
                    self._storage.rm_file(path)
