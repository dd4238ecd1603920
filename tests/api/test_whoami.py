"""GET /api/v1/whoami: which key this is, and what it may do."""

from api.client import Client
from domain.scopes import EVERY_SCOPE
from packshot.commands.organizations import Created


def test_a_key_is_told_its_organization_and_scopes(client: Client, acme: Created) -> None:
    answer = client.get("/api/v1/whoami")

    assert answer.status_code == 200
    told = answer.json()
    assert told["orgId"] == str(acme.org_id)
    assert told["orgName"] == "Acme"
    assert told["keyId"] == str(acme.key_id)
    assert told["prefix"] == acme.secret[:19]
    assert told["scopes"] == sorted(EVERY_SCOPE)
    assert told["createdAt"].endswith("Z")
    assert acme.secret not in answer.text


def test_head_answers_the_headers_of_get_without_a_body(client: Client) -> None:
    answer = client.send("HEAD", "/api/v1/whoami")

    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0
