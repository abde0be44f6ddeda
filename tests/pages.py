"""What the pages in docs tell the reader to use, so that tests can use it."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page, language):
    """Give a page's code blocks in a language, by the heading that each stands under.

    A heading with several of them counts them: "Heading", "Heading 2".
    """
    found = {}
    text = (DOCS / page).read_text(encoding="utf-8")
    for section in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        code = re.findall(rf"^ *```{language}\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
        for place, block in enumerate(code, 1):
            found[heading if place == 1 else f"{heading} {place}"] = block
    return found


def in_postgres(sql):
    """Give a block of SQL as PostgreSQL has it: a comment says how the line above it differs."""
    return re.sub(r"^.*\n *-- PostgreSQL: ", "", sql, flags=re.MULTILINE)
