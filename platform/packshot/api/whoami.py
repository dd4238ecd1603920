"""GET /api/v1/whoami: which key this is, and what it may do."""

from typing import Literal

from pydantic import Field

from domain.access import Person
from domain.roles import Role
from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint
from packshot.edge.shapes import Answer, Time


class Responsible(Answer):
    """Who answers for the key; ``role`` is null for somebody who has left."""

    type: Literal["user"]
    id: str = Field(examples=["usr_01kapq3x0tw5rz8v9m2c4d6e7f"])
    role: Role | None


class WhoAmIAnswer(Answer):
    """The key of the request and the organization it acts for.

    ``effectiveScopes`` are those of its scopes that may be used today: the role of the person who
    answers for it, ``responsible``, allows no more. It is null for a key of the organization's own.
    """

    org_id: str
    org_name: str
    key_id: str
    prefix: str
    name: str
    scopes: list[str]
    effective_scopes: list[str]
    responsible: Responsible | None
    team_id: str | None = Field(examples=[None])
    environment: str
    created_at: Time
    expires_at: Time | None


@endpoint("GET", "/api/v1/whoami", scope=Access.ANY_KEY, answer=WhoAmIAnswer)
async def whoami(call: Call[NoFields]) -> Reply:
    """Answer who the request's key is."""
    key = call.key
    return Reply(
        WhoAmIAnswer(
            org_id=str(key.org_id),
            org_name=key.org_name,
            key_id=str(key.key_id),
            prefix=key.prefix,
            name=key.name,
            scopes=sorted(key.held),
            effective_scopes=sorted(key.scopes),
            responsible=_responsible(key.responsible),
            team_id=None if key.team_id is None else str(key.team_id),
            environment=key.environment,
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
    )


def _responsible(person: Person | None) -> Responsible | None:
    if person is None:
        return None
    return Responsible(type="user", id=str(person.user_id), role=person.role)
