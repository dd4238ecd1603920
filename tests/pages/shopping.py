"""What the tests of shops' pages do before they look: a shop connected, and its catalog read."""

import base64
import os
import re

import requests

from api.client import Client
from api.server import RunningApi
from packshot.commands.organizations import Created
from pages.conftest import Http
from shop import Shop

ITEMS = "/api/v1/catalog/items"


def connected(http: Http, shop: Shop, *, name: str = "Our shop") -> str:
    """The id of a shop that was connected by the page."""
    fields = {"shop": "bridge", "name": name, "url": shop.url, "secret": shop.secret}
    answer = http.post("/integrations", data=fields)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/integrations/(int_\w+)", answer.headers["location"])
    assert found is not None
    return found[1]


def heads_of(text: str) -> list[str]:
    """What stands above the columns of a page's table."""
    heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", text)
    return [re.sub(r"<[^>]+>", "", head) for head in heads]


def synced(http: Http, api: RunningApi, org: Created, integration_id: str) -> list[dict[str, str]]:
    """The items of a shop whose catalog was asked for by the page, once they can be read."""
    assert http.post(f"/integrations/{integration_id}/sync").status_code == 303
    with requests.Session() as session:
        client = Client(api.base_url, session, org.secret)
        one = f"/api/v1/integrations/{integration_id}"
        job_id = client.get(one).json()["syncJobId"]
        job = client.get(f"/api/v1/jobs/{job_id}", params={"wait": 20}, timeout=30).json()
        assert job["status"] == "succeeded", job
        name = base64.b32encode(os.urandom(5)).decode()
        was = client.get(one).json()["name"]
        client.send("PATCH", one, json={"name": name})
        written = client.send("PATCH", one, json={"name": was})
        headers = {"x-min-position": written.headers["x-log-position"]}
        told: list[dict[str, str]] = client.get(
            ITEMS, params={"integrationId": integration_id}, headers=headers
        ).json()["data"]
    return told
