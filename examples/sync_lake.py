"""Sync all streams into files: in a folder, or at any URL that fsspec knows, such as s3://.

Usage: python examples/sync_lake.py LAKE TAP [ARGUMENT…]
For example: python examples/sync_lake.py s3://bucket/dixa tap-dixa --config ENV

LAKE/lake.json lists the files of each stream, in the order of their records, with its schema and
its primary key, and holds the state that belongs to them. It is replaced as a whole, so a run may
end at any time, however it ends; the next one resumes. One run at a time. It exits with the
tap's status.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fsspec.core import url_to_fs


class Lake:
    """The files, and what `lake.json` says of them.

    Args:
        url: Where they are.
    """

    def __init__(self, url: str) -> None:
        self._storage, self._root = url_to_fs(url)
        self._storage.makedirs(self._root, exist_ok=True)
        self._content: dict[str, Any] = {"state": {}, "streams": {}}
        if self._storage.exists(f"{self._root}/lake.json"):
            self._content = json.loads(self._storage.cat_file(f"{self._root}/lake.json"))
        self._new: dict[str, list[str]] = {}
        self.remove_unlisted()

    @property
    def state(self) -> dict[str, Any]:
        """The state that belongs to the files."""
        state: dict[str, Any] = self._content["state"]
        return state

    def read(self, message: dict[str, Any]) -> None:
        """Take a message of the tap."""
        kind, stream = message["type"], message.get("stream", "")
        if kind == "SCHEMA":
            told = {"schema": message["schema"], "keys": message["key_properties"]}
            self._content["streams"].setdefault(stream, {"files": []}).update(told)
        elif kind == "BATCH":
            names = [url.rsplit("/", 1)[1] for url in message["manifest"]]
            self._new.setdefault(stream, []).extend(names)
            self._content["streams"][stream]["files"] += names
        elif kind == "ACTIVATE_VERSION":  # this run's files have all rows that there are
            self._content["streams"][stream]["files"] = self._new.get(stream, [])
        elif kind == "STATE":
            self._content["state"] = message["value"]
            self.save()
        else:
            raise ValueError(f"{kind} was not expected: is another batch_config in force?")

    def save(self) -> None:
        """Replace `lake.json`."""
        self._storage.pipe_file(f"{self._root}/lake.new", json.dumps(self._content).encode())
        self._storage.mv(f"{self._root}/lake.new", f"{self._root}/lake.json")

    def remove_unlisted(self) -> None:
        """Remove files that are not listed: older versions, and what a killed run left."""
        listed = {name for stream in self._content["streams"].values() for name in stream["files"]}
        self._storage.invalidate_cache()
        for path in self._storage.find(self._root, maxdepth=1):
            name = path.rsplit("/", 1)[1]
            if name.startswith("tap-dixa--") and name not in listed:
                self._storage.rm_file(path)


def main(url: str, *command: str) -> int:
    """Run the tap and list the files that it writes; give its status."""
    lake = Lake(url)
    options = {
        "batch_config": {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": url if "://" in url else f"file://{Path(url).resolve()}"},
        },
        "emit_activate_version_messages": True,
    }
    with TemporaryDirectory() as folder:
        config, state = Path(folder, "config.json"), Path(folder, "state.json")
        config.write_text(json.dumps(options))
        state.write_text(json.dumps(lake.state))
        more = ["--config", str(config), "--state", str(state)]
        with subprocess.Popen([*command, *more], stdout=subprocess.PIPE) as tap:
            # Either ends the tap, and then this: a terminal sends Ctrl-C to both.
            signal.signal(signal.SIGINT, lambda *_: None)
            signal.signal(signal.SIGTERM, lambda number, _: tap.send_signal(number))
            for line in tap.stdout or ():
                lake.read(json.loads(line))
    lake.save()
    lake.remove_unlisted()
    return tap.returncode if tap.returncode >= 0 else 128 - tap.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)  # noqa: PLR2004
