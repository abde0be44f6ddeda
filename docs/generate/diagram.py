"""The diagram of the streams and their joins, for Mermaid."""

import re
from collections.abc import Iterable, Iterator

from docs.generate.fields import fields_of
from docs.generate.joins import JOINS, Join
from tap_dixa.streams.base import SCHEMAS, DixaStream

_INDENT = "    "


def diagram(streams: Iterable[DixaStream]) -> str:
    """Draw the streams, with their keys and the fields that join them."""
    lines = ["```mermaid", "erDiagram"]
    lines += [_INDENT + line for join in JOINS for line in _relations(join)]
    for stream in streams:
        lines += [f"{_INDENT}{stream.name} {{"]
        lines += [_INDENT * 2 + line for line in _attributes(stream)]
        lines += [f"{_INDENT}}}"]
    return "\n".join([*lines, "```"])


def _relations(join: Join) -> Iterator[str]:
    line = ".." if join.sometimes else "--"
    one = "}o" if "[]" in join.field else "|o" if join.sometimes else "||"
    for parent in join.parents:
        yield f'{parent} {one}{line}o{{ {join.stream} : "{join.field}"'


def _attributes(stream: DixaStream) -> Iterator[str]:
    columns = {re.split(r"\W", join.field)[0] for join in JOINS if join.stream == stream.name}
    for field in fields_of(SCHEMAS.get_schema(stream.name)):
        keys = ["PK"] if field.path in stream.primary_keys else []
        keys += ["FK"] if field.path in columns else []
        if keys or field.path == stream.replication_key:
            yield f"{field.type.split()[0]} {field.path} {', '.join(keys)}".rstrip()
