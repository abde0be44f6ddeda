"""Say what is in the sample warehouse: rows, newest bookmarks, conversations by day and channel.

Usage: python examples/summary.py [warehouse.duckdb]
"""

from __future__ import annotations

import sys

import duckdb

_WIDTH = 40
_BAR = "█"


def main() -> None:
    """Print the summary."""
    path = sys.argv[1] if len(sys.argv) > 1 else "warehouse.duckdb"
    with duckdb.connect(path, read_only=True) as warehouse:
        print(f"\nIn {path}, schema dixa:\n")
        tables = warehouse.execute(
            """
            select 'conversations', count(*), count(distinct id), 'updated_at', max(updated_at)
            from dixa.conversations
            union all
            select 'messages', count(*), count(distinct id), 'created_at', max(created_at)
            from dixa.messages
            """
        ).fetchall()
        for table, rows, keys, cursor, newest in tables:
            print(f"  {table:<14} {rows:>7,} rows, {keys:,} keys, newest {cursor} {newest} UTC")
        chart(
            "Conversations by day, the last two weeks",
            warehouse.execute(
                """
                select strftime(created_at, '%a %d %b') as day, count(*)
                from dixa.conversations
                where created_at::date > (select max(created_at)::date - 14 from dixa.conversations)
                group by created_at::date, day
                order by created_at::date
                """
            ).fetchall(),
        )
        chart(
            "Conversations by channel",
            warehouse.execute(
                """
                select initial_channel, count(*)
                from dixa.conversations
                group by 1
                order by 2 desc
                """
            ).fetchall(),
        )


def chart(title: str, rows: list[tuple[str, int]]) -> None:
    """Print a bar a row, the longest one as wide as the chart."""
    print(f"\n{title}\n")
    most = max((count for _, count in rows), default=1)
    for label, count in rows:
        print(f"  {label:<17} {_BAR * max(1, round(_WIDTH * count / most))} {count:,}")


if __name__ == "__main__":
    main()
