"""Load into files that stay where they are: in a folder, or in a bucket."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from typing_extensions import override

from tap_dixa.load.loader import Announced, Destination, LoadError, lock

_LONGEST_RUN = timedelta(days=1)
"""Files in a bucket that are older and not listed are of a run that was killed."""
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
        self._storage, self._folder = url_to_fs(url)
        self._storage.makedirs(self._folder, exist_ok=True)
        self.root, is_local = url, "://" not in url
        if is_local:
            self.root = Path(url).absolute().as_uri()
            lock(Path(url))
        self._saved = self._read()
        self._lake: dict[str, Any] = json.loads(self._saved or '{"state": {}, "streams": {}}')
        self._new: dict[str, list[str]] = {}
        self._replaced: set[str] = set()
        self._remove_unlisted(datetime.now(UTC) - (timedelta(0) if is_local else _LONGEST_RUN))

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
        if self._read() != self._saved:
            raise LoadError(f"Another run has changed {self.root}/lake.json: run this again")
        self._saved = json.dumps(self._lake).encode()
        self._storage.pipe_file(f"{self._folder}/lake.new", self._saved)
        self._storage.mv(f"{self._folder}/lake.new", f"{self._folder}/lake.json")

    @override
    def finish(self) -> dict[str, int]:
        for name in self._replaced:
            self._storage.rm_file(f"{self._folder}/{name}")
        return {stream: len(self._lake["streams"][stream]["files"]) for stream in self._new}

    def _read(self) -> bytes:
        self._storage.invalidate_cache()
        path = f"{self._folder}/lake.json"
        content: bytes = self._storage.cat_file(path) if self._storage.exists(path) else b""
        return content

    def _remove_unlisted(self, before: datetime) -> None:
        """Remove what runs left that were killed before a time."""
        listed = {name for stream in self._lake["streams"].values() for name in stream["files"]}
        for path in self._storage.find(self._folder, maxdepth=1):
            name = path.rsplit("/", 1)[1]
            if (match := _NAME.fullmatch(name)) and name not in listed:
                written = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
                if written < before:
                    self._storage.rm_file(path)
