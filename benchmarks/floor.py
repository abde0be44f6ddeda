"""The least that can be done: decode each record, make its times RFC 3339, encode it.

Usage: python floor.py RECORDS.jsonl
"""

import json
import sys
from importlib import resources
from pathlib import Path

import msgspec

from tap_dixa.timestamps import to_rfc3339


def main() -> None:
    """Do it for a file with a record a line."""
    text = resources.files("tap_dixa.schemas").joinpath("conversations.json").read_text()
    properties = json.loads(text)["properties"]
    times = [name for name, field in properties.items() if field.get("format")]
    rating_times = [
        name for name, field in properties["ratings"]["items"]["properties"].items()
        if field.get("format")
    ]  # fmt: skip
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    write = sys.stdout.buffer.write
    with Path(sys.argv[1]).open("rb") as lines:
        for line in lines:
            record = decode(line)
            for part, names in ((record, times), *((r, rating_times) for r in record["ratings"])):
                for name in names:
                    if part.get(name) is not None:
                        part[name] = to_rfc3339(part[name])
            write(encode(record) + b"\n")


if __name__ == "__main__":
    main()
