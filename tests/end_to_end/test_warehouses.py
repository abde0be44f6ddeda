"""What a warehouse holds after several runs: joins, deletes, erasure."""

import re

import duckdb
import pytest

from docs.generate.joins import JOINS
from tests import expected
from tests.end_to_end import checks
from tests.end_to_end.anonymized import erase_and_delete
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import ALL, EVERY, by_key, records_of
from tests.end_to_end.tables import duckdb_holds, postgres_holds


def values(column):
    """Write the SQL for what a field holds, one row a value: ``tags_info[].id`` is in an array."""
    name, *path = re.split(r"(?=[.\[])", column, maxsplit=1)
    if not path:
        return name
    inner = f"json_extract_string({name}, '${path[0].replace('[]', '[*]')}')"
    return f"unnest({inner})" if "[]" in column else inner


def orphans(join):
    """Write the query that counts a join's values, and those of them that join nothing."""
    parents = " union all ".join(f"select {join.key} from dixa.{name}" for name in join.parents)
    return (
        f"with child as (select {values(join.field)} as value from dixa.{join.stream})"
        f" select count(value), count(*) filter (value not in ({parents})) from child"
    )


ORPHANS = {f"{join.stream}.{join.field}": orphans(join) for join in JOINS}
UNSEEN = {"end_users.customAttributes[].id"}  # as in Dixa's own list


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_duckdb_joins_hold_and_the_erased_leaves(warehouse):
    for run in (warehouse.first, warehouse.second):
        checks.succeeded(run)
    with duckdb.connect(str(warehouse.path), read_only=True) as tables:
        for what, query in ORPHANS.items():
            found, lost = tables.execute(query).fetchone()
            assert lost == 0, what
            assert (found == 0) == (what in UNSEEN), what
        for stream in EVERY:
            rows = tables.execute(f"select count(*) from dixa.{stream}").fetchone()
            assert rows[0] >= len(warehouse.first.records(stream)) > 0
        wanted = expected.records(warehouse.sandbox.data, "messages").values()
        assert warehouse.erased < {record["csid"] for record in wanted}
        duckdb_holds(tables, {"messages": by_key("messages", wanted)})


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_postgres_has_what_batch_files_hold_and_removes_deleted_rows(
    account_of, load, postgres, tmp_path
):
    feed = load("target-postgres", sqlalchemy_url=postgres, hard_delete=True)
    config = {"emit_activate_version_messages": True, "batch_config": batch_config(tmp_path)}
    account = account_of(*ALL, config=config, conversations=150, days=10)
    feed(checks.succeeded(account.sync()))
    before = records_of(account.sandbox)
    erase_and_delete(account.sandbox)
    feed(checks.succeeded(account.sync()))
    known = records_of(account.sandbox)
    for stream in ("agents", "tags", "queue_members"):
        assert known[stream].keys() < before[stream].keys()
    postgres_holds(postgres, known)
