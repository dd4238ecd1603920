"""GET /api/v1/whoami: which key this is, and what it may do."""

from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint
from packshot.edge.shapes import Answer, Time


class WhoAmIAnswer(Answer):
    """The key of the request and the organization it acts for."""

    org_id: str
    org_name: str
    key_id: str
    prefix: str
    name: str
    scopes: list[str]
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
            scopes=sorted(key.scopes),
            environment=key.environment,
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
    )
