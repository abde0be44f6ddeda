from __future__ import annotations

import pytest

from tests import expected

pytestmark = pytest.mark.xdist_group("directory")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=900)


@pytest.fixture
def own(connect):
    """Connect to a sandbox that a test may change."""
    return connect(conversations=100)


@pytest.fixture(scope="module")
def conversations(api):
    return expected.source(api.sandbox.data, "conversations").values()


def test_assignees_are_agents(api, conversations):
    agents = {row["id"]: row for row in api.everything("/v1/agents")}
    assert {"Agent"} < {role for row in agents.values() for role in row["roles"]}
    for record in conversations:
        if assignee := record.get("assignee_id"):
            agent = agents[assignee]
            assert record["assignee_name"] == agent["displayName"]
            assert record["assignee_email"] == agent["email"]
            assert record.get("assignee_phone_number") in {None, agent["phoneNumber"]}


def test_requesters_are_end_users_of_longer_standing(api, conversations):
    rows = api.everything("/v1/endusers", pageLimit=100)
    end_users = {row["id"]: row for row in rows}
    assert len(end_users) == len(rows) == 300
    for record in conversations:
        end_user = end_users[record["requester_id"]]
        assert end_user["createdAt"] < expected.iso(record["created_at"])
        if not record.get("anonymized_at"):
            assert record["requester_name"] == end_user["displayName"]
            assert record.get("requester_email") in {None, end_user["email"]}
            assert record.get("requester_phone_number") in {None, end_user["phoneNumber"]}
            assert set(record["requester_additional_emails"]) <= set(end_user["additionalEmails"])


def test_queues_have_the_agents_who_get_their_conversations(api, conversations):
    queues = {row["id"]: row for row in api.data("/v1/queues")}
    got = {queue: set() for queue in queues}
    for record in conversations:
        assert record["queue_name"] == queues[record["queue_id"]]["name"]
        if record.get("assignee_id"):
            got[record["queue_id"]].add(record["assignee_id"])
    for queue, agents in got.items():
        members = api.data(f"/v1/queues/{queue}/members")
        assert agents <= {row["agentId"] for row in members}
    assert sum(row["isDefault"] for row in queues.values()) == 1


def test_teams_are_made_of_agents(api):
    agents = {row["id"]: row for row in api.everything("/v1/agents")}
    teams = {row["id"]: api.data(f"/v1/teams/{row['id']}/agents") for row in api.data("/v1/teams")}
    members = [row for team in teams.values() for row in team]
    ids = [row["id"] for row in members]
    assert set(ids) < agents.keys()
    assert len(set(ids)) < len(ids)
    assert [] in teams.values()
    for row in members:
        assert row["name"] == agents[row["id"]]["displayName"]


def test_tags_are_those_of_conversations_and_hide_when_deactivated(api, conversations):
    active = {row["id"]: row for row in api.data("/v1/tags")}
    every = {row["id"]: row for row in api.data("/v1/tags", includeDeactivated="true")}
    assert {row["state"] for row in active.values()} == {"Active"}
    assert active == {key: row for key, row in every.items() if row["state"] == "Active"}
    assert len(every) == len(active) + 2
    used = [tag for record in conversations for tag in record["tags_info"]]
    assert {tag["id"] for tag in used} == every.keys()
    for tag in used:
        assert tag["name"] == every[tag["id"]]["name"]
        assert tag["is_deactivated"] == (every[tag["id"]]["state"] == "Inactive")


def test_contact_endpoints_are_those_of_conversations_in_two_forms(api, conversations):
    rows = api.data("/v1/contact-endpoints")
    assert {row["_type"] for row in rows} == {"EmailEndpoint", "TelephonyEndpoint"}
    known = {row.get("address") or row.get("number") for row in rows}
    for name in (
        "dixa_email_integration_id",
        "forwarding_email",
        "to_provisioned_phone_number_id",
        "from_provisioned_phone_number_id",
        "transferee_number",
    ):
        used = {record.get(name) for record in conversations} - {None}
        assert used
        assert used <= known


def test_who_is_removed_is_listed_nowhere(own):
    conversations = expected.source(own.sandbox.data, "conversations").values()
    directory = own.sandbox.data.directory
    removed = next(record["assignee_id"] for record in conversations if record.get("assignee_id"))
    directory.remove(removed)
    assert len(own.everything("/v1/agents")) == 23
    for group, members in (("queues", "members"), ("teams", "agents")):
        for row in own.data(f"/v1/{group}"):
            listed = own.data(f"/v1/{group}/{row['id']}/{members}")
            assert removed not in {member.get("agentId", member.get("id")) for member in listed}
    assert removed in {record.get("assignee_id") for record in conversations}


@pytest.mark.parametrize("path", ["/v1/endusers", "/v1/teams", "/v1/queues", "/v1/tags"])
def test_any_row_can_be_removed(own, path):
    rows = own.everything(path)
    own.sandbox.data.directory.remove(rows[1]["id"])
    assert own.everything(path) == [rows[0], *rows[2:]]
