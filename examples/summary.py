"""Summarize the sample warehouse: rows and newest timestamps, conversations, queues.

Usage: python examples/summary.py [sample.duckdb [picture.svg]]
"""

import re
import sys
from pathlib import Path

import duckdb
from rich import box
from rich.bar import Bar
from rich.columns import Columns
from rich.console import Console
from rich.table import Table

BOOKMARKS = {
    "conversations": "updated_at",
    "messages": "created_at",
    "activity_logs": "activityTimestamp",
    "conversation_notes": "conversationUpdatedAt",
    "conversation_ratings": "conversationUpdatedAt",
    "linked_conversations": "conversationUpdatedAt",
    "analytics_records": "timestamp",
    "intelligence_records": "timestamp",
}
"""The replication keys of the incremental streams. The others are full-table streams."""

NEXT = """
The rows are in {path}, schema dixa. Go on with:

  uv run --group try tap-dixa-sandbox demo             [dim]# load what has changed[/]
  uv run --group try tap-dixa --config ENV --test      [dim]# test your own token[/]
  uv run --group try tap-dixa-load warehouse.duckdb    [dim]# load your own data[/]

For your own account, set TAP_DIXA_API_TOKEN and TAP_DIXA_START_DATE first.
"""

TABLES = "select table_name from duckdb_tables() where schema_name = 'dixa' order by 1"
DAYS = """
    select strftime(created_at, '%a %d %b'), count(*)
    from dixa.conversations
    where created_at::date > (select max(created_at)::date - 14 from dixa.conversations)
    group by created_at::date, 1
    order by created_at::date
"""
CHANNELS = "select initial_channel, count(*) from dixa.conversations group by 1 order by 2 desc"
QUEUES = """
    select queue_name, count(*), count(*) filter (status is distinct from 'closed') {figures}
    from {conversations}
    group by queue_name
    order by 2 desc
"""
BUILT = """
    select 1 from duckdb_tables()
    where schema_name = 'dixa_models' and table_name = 'conversations'
"""
FIGURES = ", median(first_response_seconds) / 60, avg(is_csat_satisfied::int), count(csat_score)"
"""What dbt's model of conversations says of them, if it was built: docs/transform.md."""


def main() -> None:
    """Print the summary."""
    path = sys.argv[1] if len(sys.argv) > 1 else "sample.duckdb"
    screen = Console(highlight=False, record=True)
    with duckdb.connect(path, read_only=True) as warehouse:
        loaded = table(f"{path}, schema dixa", "Table", "Rows", "Newest (UTC)", "By")
        for (name,) in warehouse.execute(TABLES).fetchall():
            by = BOOKMARKS.get(name)
            rows, newest = warehouse.execute(
                f"select count(*), max({by or 'null'}) from dixa.{name}"
            ).fetchone() or (0, None)
            seen = f"{newest:%Y-%m-%d %H:%M}" if newest else ""
            loaded.add_row(name, f"{rows:,}", seen, by or "")
        screen.print("", loaded)

        days = chart("Conversations by day, two weeks", warehouse.execute(DAYS).fetchall())
        channels = chart("Conversations by channel", warehouse.execute(CHANNELS).fetchall())
        screen.print(Columns([days, channels], padding=(1, 3)))

        queues = table("Queues", "Queue", "Conversations", "Open")
        asked = {"conversations": "dixa.conversations", "figures": ""}
        if warehouse.execute(BUILT).fetchone():
            asked = {"conversations": "dixa_models.conversations", "figures": FIGURES}
            for name in ("First response", "CSAT"):
                queues.add_column(name, justify="right", no_wrap=True)
            queues.caption = (
                "As dbt last built them. First response: the median, where customers wrote first.\n"
                "CSAT: how many of the scores are 4 or 5."
            )
        for name, count, still_open, *figures in warehouse.execute(
            QUEUES.format(**asked)
        ).fetchall():
            row = [name or "[dim]none", f"{count:,}", f"{still_open:,}"]
            if figures:
                minutes, good, scores = figures
                row.append("" if minutes is None else f"{minutes:,.0f} min")
                row.append(f"{good:.0%} of {scores:,}" if scores else "")
            queues.add_row(*row)
        screen.print("", queues)
    if sys.argv[2:]:
        picture = screen.export_svg(title="tap-dixa-sandbox demo", unique_id="summary")
        # No page that shows it has to ask another server for a font.
        Path(sys.argv[2]).write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL))
    screen.print(NEXT.format(path=path), soft_wrap=True)


def table(title: str, first: str, *others: str) -> Table:
    """Create a table with names in the first column and aligned numbers in the others."""
    made = Table(title=title, box=box.SIMPLE_HEAD, title_style="bold", title_justify="left")
    made.caption_justify = "left"
    made.add_column(first, style="cyan", no_wrap=True)
    for name in others:
        text = name in {"Newest (UTC)", "By"}
        made.add_column(name, justify="left" if text else "right", no_wrap=True)
    return made


def chart(title: str, rows: list[tuple[str, int]]) -> Table:
    """Create a bar chart with one bar per row."""
    made = Table(title=title, box=None, show_header=False, title_style="bold", title_justify="left")
    made.add_column(no_wrap=True)
    made.add_column()
    made.add_column(justify="right")
    most = max((count for _, count in rows), default=1)
    for label, count in rows:
        made.add_row(label, Bar(most, 0, count, width=24, color="cyan"), f"{count:,}")
    return made


if __name__ == "__main__":
    main()
