"""Another organization's ids, in every place that takes one: they say what unknown ids say."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from api.client import WITHIN_S, Client, assert_problem
from api.photos import red_box
from api.projecting import running_projector
from api.running import found
from api.server import RunningApi
from api.test_members import join
from domain.roles import Role
from packshot.app import ENDPOINTS
from packshot.commands.organizations import Created
from packshot.edge.contract import Endpoint
from shop import SECRET, Shop

# What in a path is no id of an organization's own.
OF_EVERYBODY = {"channel", "code"}
UNKNOWN = "01m82d4nnsewetr5vq60vbjh5p"
# What a request needs besides the id, so that nothing but the id is wrong with it.
BODIES: Mapping[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/v1/keys/{keyId}"): {"name": "Mine now"},
    ("PATCH", "/api/v1/integrations/{integrationId}"): {"name": "Mine now"},
    ("POST", "/api/v1/integrations/{integrationId}/credentials"): {"secret": SECRET},
    ("PATCH", "/api/v1/teams/{teamId}"): {"name": "Ours now"},
    ("PUT", "/api/v1/teams/{teamId}/members/{userId}"): {"role": "lead"},
    ("PATCH", "/api/v1/members/{userId}"): {"role": "viewer"},
}
WITH_IDS = [
    endpoint
    for endpoint in ENDPOINTS
    if set(re.findall(r"\{(\w+)\}", endpoint.path)) - OF_EVERYBODY
]
# The fields of bodies and queries that name something: path, field, and what else is sent.
FIELDS: list[tuple[str, str, dict[str, Any]]] = [
    *(
        (path, "outputId", {})
        for path in ("/process", "/upscale", "/backgrounds/generate", "/relight/shadow")
    ),
    ("/compliance", "outputId", {"channel": "amazon"}),
    ("/jobs", "outputId", {}),
]

Ids = dict[str, str]


@pytest.fixture(scope="module")
def stranger(api: RunningApi) -> Created:
    """The organization that has everything."""
    return found(api.settings, "Stranger")


@pytest.fixture(scope="module")
def theirs(api: RunningApi, workers: None, shop_server: Shop, stranger: Created) -> Ids:
    """An id of each kind that the stranger has, by the name that paths give it."""
    shop_server.reopen(products=3)
    with requests.Session() as session, running_projector(api.settings):
        client = Client(api.base_url, session, stranger.secret)
        output = client.post("/api/v1/process", files={"image": red_box()}).json()["output"]
        integration_id = client.post(
            "/api/v1/integrations",
            json={
                "kind": "amazon-bridge",
                "name": "Their shop",
                "settings": {"url": shop_server.url},
                "credentials": {"secret": shop_server.secret},
            },
        ).json()["integrationId"]
        synced = client.post(f"/api/v1/integrations/{integration_id}/sync")
        client.get(synced.headers["location"], params={"wait": 20}, timeout=WITHIN_S + 10)
        renamed = client.send("PATCH", f"/api/v1/keys/{stranger.key_id}", json={"name": "Theirs"})
        seen = {"x-min-position": renamed.headers["x-log-position"]}
        items = client.get("/api/v1/catalog/items", headers=seen).json()["data"]
        publish = client.post(
            "/api/v1/publishes",
            json={
                "outputId": output["outputId"],
                "integrationId": integration_id,
                "target": {"sku": items[0]["sku"]},
            },
        ).json()
        # Done with, before other tests look at the shop that all of them share.
        client.get(f"/api/v1/jobs/{publish['jobId']}", params={"wait": 20}, timeout=WITHIN_S + 10)
        invite = client.post("/api/v1/invites", json={"role": "viewer"}).json()
        team_id = client.post("/api/v1/teams", json={"name": "Theirs"}).json()["teamId"]
        (user_id,) = join(api, stranger.org_id, Role.MEMBER, "Theirs")
        client.send("PUT", f"/api/v1/teams/{team_id}/members/{user_id}", json={})
    return {
        "inviteId": invite["inviteId"],
        "teamId": team_id,
        "userId": str(user_id),
        "outputId": output["outputId"],
        "jobId": output["jobId"],
        "integrationId": integration_id,
        "itemId": items[0]["itemId"],
        "keyId": str(stranger.key_id),
        "publishId": publish["publishId"],
    }


def unknown(public_id: str) -> str:
    return f"{public_id.split('_', maxsplit=1)[0]}_{UNKNOWN}"


def told(answer: requests.Response) -> tuple[Any, ...]:
    """All of an answer but what differs between any two."""
    body = answer.json()
    body.pop("requestId", None)
    ours = {"date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"}
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in ours}
    return answer.status_code, json.dumps(body), headers


@pytest.mark.parametrize("endpoint", WITH_IDS, ids=lambda one: f"{one.method} {one.path}")
def test_a_foreign_id_in_a_path_is_not_found_as_an_unknown_one_is(
    client: Client, theirs: Ids, endpoint: Endpoint
) -> None:
    names = re.findall(r"\{(\w+)\}", endpoint.path)
    body = BODIES.get((endpoint.method, endpoint.path))

    foreign, absent = (
        client.send(
            endpoint.method,
            endpoint.path.format(**{name: one(theirs[name]) for name in names}),
            json=body,
        )
        for one in (str, unknown)
    )

    assert_problem(foreign, 404, "not_found")
    assert told(foreign) == told(absent)


@pytest.mark.parametrize(("path", "field", "others"), FIELDS, ids=str)
def test_a_foreign_id_in_a_body_is_not_found_as_an_unknown_one_is(
    client: Client, theirs: Ids, path: str, field: str, others: dict[str, Any]
) -> None:
    foreign, absent = (
        client.post(f"/api/v1{path}", json={field: one(theirs[field]), **others})
        for one in (str, unknown)
    )

    assert_problem(foreign, 404, "not_found")
    assert told(foreign) == told(absent)


@pytest.mark.parametrize("field", ["outputId", "integrationId"])
@pytest.mark.parametrize("is_dry", [True, False])
def test_nothing_is_published_with_a_foreign_id(
    client: Client, theirs: Ids, shop_server: Shop, field: str, is_dry: bool
) -> None:
    own = {
        "outputId": client.post("/api/v1/process", files={"image": red_box()}).json()["output"][
            "outputId"
        ],
        "integrationId": client.post(
            "/api/v1/integrations",
            json={
                "kind": "amazon-bridge",
                "name": "Our shop",
                "settings": {"url": shop_server.url},
                "credentials": {"secret": shop_server.secret},
            },
        ).json()["integrationId"],
    }
    body = {**own, "target": {"sku": "SKU-0001"}, "dryRun": is_dry}

    foreign, absent = (
        client.post("/api/v1/publishes", json={**body, field: one(theirs[field])})
        for one in (str, unknown)
    )

    assert_problem(foreign, 404, "not_found")
    assert told(foreign) == told(absent)


@pytest.mark.parametrize("path", ["/catalog/items", "/publishes"])
def test_a_filter_by_a_foreign_id_finds_what_one_by_an_unknown_id_finds(
    client: Client, theirs: Ids, path: str
) -> None:
    foreign, absent = (
        client.get(f"/api/v1{path}", params={"integrationId": one(theirs["integrationId"])})
        for one in (str, unknown)
    )

    assert told(foreign) == told(absent)
    assert not foreign.json().get("data")


def test_the_stranger_was_not_touched(
    api: RunningApi, client: Client, stranger: Created, theirs: Ids
) -> None:
    they = client.with_key(stranger.secret)
    before = they.get("/api/v1/activity").json()["page"]["total"]

    for endpoint in WITH_IDS:
        path = endpoint.path.format(**theirs)
        client.send(endpoint.method, path, json=BODIES.get((endpoint.method, endpoint.path)))

    assert they.get("/api/v1/activity").json()["page"]["total"] == before
    assert they.get(f"/api/v1/keys/{theirs['keyId']}").json()["status"] == "active"
