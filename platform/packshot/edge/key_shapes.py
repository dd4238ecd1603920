"""The shapes of keys in answers."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from domain.key_end import Status, status_of
from domain.key_limit import RateLimit
from domain.key_text import prefix_of
from domain.roles import Role
from packshot.edge.paging import PageAnswer
from packshot.edge.shapes import Answer, Time
from packshot.store.past import AsOf
from projections.api_keys import ListedKey


class KeyActor(Answer):
    """Who created the key; ``name`` where the actor has one."""

    type: str = Field(examples=["key"])
    id: str = Field(examples=["key_01kapq3x0tw5rz8v9m2c4d6e7f"])
    name: str | None = Field(examples=["First key"])


class KeyPerson(Answer):
    """Who answers for a key; ``role`` is null for somebody who has left, the name may be too."""

    type: Literal["user"]
    id: str = Field(examples=["usr_01kapq3x0tw5rz8v9m2c4d6e7f"])
    name: str | None = Field(examples=["Ada"])
    role: Role | None


class KeyLimit(Answer):
    """How often a key may be used by itself, each request counted as one."""

    limit: int = Field(examples=[600])
    window_seconds: int = Field(examples=[60])


class KeyWarning(Answer):
    """Something about a key that its owner may not mean."""

    code: Literal["open_to_everybody"]
    detail: str


class KeyAnswer(Answer):
    """A key, without its secret.

    ``effectiveScopes`` are those of its scopes that may be used today: the role of the person who
    answers for it, ``responsible``, allows no more. It is null for a key of the organization's own.
    The key of somebody who has left may do what a member may, until an owner or admin adopts it.
    Without ``allowedCidrs`` it works from everywhere, without ``rateLimit`` as often as the
    organization may ask; a key for tests 60 times a minute at most. ``formerSecretUntil`` is until
    when the secret from before a rotation may work. Last use is told some seconds later by the
    other processes of an installation.
    """

    key_id: str
    prefix: str = Field(examples=["pshot_live_7Qv2Lm81"])
    name: str = Field(examples=["Production"])
    scopes: list[str] = Field(examples=[["files:read", "images:process"]])
    effective_scopes: list[str] = Field(examples=[["files:read", "images:process"]])
    responsible: KeyPerson | None
    adoptable: bool
    team_id: str | None = Field(examples=[None])
    environment: str = Field(examples=["live"])
    status: Status
    created_at: Time
    created_by: KeyActor
    expires_at: Time | None
    allowed_cidrs: list[str] = Field(examples=[["203.0.113.0/24"]])
    rate_limit: KeyLimit | None
    warnings: list[KeyWarning] = Field(examples=[[]])
    former_secret_until: Time | None = Field(examples=[None])
    revoked_at: Time | None = Field(examples=[None])
    revoked_reason: str | None = Field(examples=[None])
    last_used_at: Time | None
    last_used_address: str | None = Field(examples=["192.0.2.7"])
    last_used_endpoint: str | None = Field(examples=["POST /api/v1/process"])


class SecretKeyAnswer(KeyAnswer):
    """A key with its secret, which is told here and never again."""

    secret: str = Field(examples=["pshot_live_7Qv2Lm81_<32 characters><6 of checksum>"])


class KeysAnswer(Answer):
    """A page of keys, newest first."""

    data: list[KeyAnswer]
    page: PageAnswer


def key_answer(key: ListedKey, *, as_of: AsOf | None = None) -> KeyAnswer:
    """The key as it stands now, or stood at that point of the log."""
    return KeyAnswer(
        key_id=str(key.key_id),
        prefix=prefix_of(key.environment, key.kid),
        name=key.name,
        scopes=key.scopes,
        effective_scopes=sorted(key.access.scopes),
        responsible=_person(key),
        adoptable=key.is_adoptable,
        team_id=None if key.team_id is None else str(key.team_id),
        environment=key.environment,
        status=status_of(
            datetime.now(UTC) if as_of is None else as_of.moment,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            former_until=key.former_until,
        ),
        created_at=key.created_at,
        created_by=KeyActor(
            type=key.created_by_type, id=key.created_by_id, name=key.created_by_name
        ),
        expires_at=key.expires_at,
        allowed_cidrs=key.allowed_cidrs,
        rate_limit=_limit_answer(key.rate_limit),
        warnings=_warnings(key),
        former_secret_until=None if key.revoked_at is not None else key.former_until,
        revoked_at=key.revoked_at,
        revoked_reason=key.revoked_reason,
        last_used_at=key.last_used_at,
        last_used_address=key.last_used_address,
        last_used_endpoint=key.last_used_endpoint,
    )


def _limit_answer(limit: RateLimit | None) -> KeyLimit | None:
    return None if limit is None else KeyLimit(limit=limit.limit, window_seconds=limit.window_s)


def _warnings(key: ListedKey) -> list[KeyWarning]:
    wide = [cidr for cidr in key.allowed_cidrs if cidr.endswith("/0")]
    detail = "{} lets the key work from every address of its kind."
    return [KeyWarning(code="open_to_everybody", detail=detail.format(cidr)) for cidr in wide]


def _person(key: ListedKey) -> KeyPerson | None:
    person = key.responsible
    if person is None:
        return None
    name, role = key.responsible_name, person.role
    return KeyPerson(type="user", id=str(person.user_id), name=name, role=role)
