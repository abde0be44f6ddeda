"""Texts that loaders and formats have been known to change."""

from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.records import ANONYMIZED

TEXTS = (
    *("", " ", "  spaces around  ", "null", "NULL", "None", r"\N", "nan", "0", "-", "true"),
    *("two\nlines", "two\r\nlines", "one\rreturn", "a\ttab", r"a \n that is none", "C:\\new\\"),
    *('"quoted"', "it's", "a,b;c|d", '{"a": [1]}', "[1, 2]", "2026-01-02T03:04:05Z", "'; --"),
    *("%s %(name)s {0} :name $1 ?", "<b>&amp;</b>", "=1+1", "\x01\x1f\x7f", "\u2028\ufeff", "👍🏽"),
)


class OddTexts(DataSet):
    """A data set in which customers type such texts, and conversations have such tags."""

    def messages(self, *interval):
        """Yield the messages of an interval; those with a text say one of these, each its own."""
        for record in super().messages(*interval):
            if record.get("text") not in {None, ANONYMIZED}:
                record["text"] = TEXTS[int(record["id"].replace("-", ""), 16) % len(TEXTS)]
            yield record

    def conversations(self, *filters):
        """Yield the conversations that pass; half of them have such tags."""
        for record in super().conversations(*filters):
            if record["id"] % 2:
                record["tags"] = [TEXTS[record["id"] % len(TEXTS)], ""]
            yield record
