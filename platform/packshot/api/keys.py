"""/api/v1/keys: the organization's API keys, their secrets shown once."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from domain.api_key import (
    LONGEST_GRACE_S,
    NAME_MAX_CHARACTERS,
    USUAL_GRACE_S,
    Status,
    status_of,
)
from domain.errors import InvalidInput
from domain.ids import KeyId, UserId
from domain.key_text import prefix_of
from domain.roles import Role
from domain.scopes import SCOPE_SETS, Scope
from packshot.commands.api_keys import ChangedKey, NewKey
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label, NotYet, Word
from packshot.edge.forms import Form
from packshot.edge.key_fields import End, PersonsId, ScopeList
from packshot.edge.paging import PageAnswer, PageForm, Total, page_of
from packshot.edge.path_ids import key_id_of
from packshot.edge.quantities import WholeNumber
from packshot.edge.shapes import Answer, Time
from projections.api_keys import ListedKey

PATH = "/api/v1/keys"
KEY = PATH + "/{keyId}"
USUAL_LIFE = timedelta(days=365)
CHANGE_REFUSALS = ("not_found", "version_conflict", "org_suspended", "overloaded")
WRITE_HEADERS = ("x-log-position", "x-log-head")
FIXED = "it stands as the key was created with it; create another key."


class NewKeyForm(Form):
    """A key to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["name"],
            "anyOf": [{"required": ["scopes"]}, {"required": ["scopeSet"]}],
        }
    )

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = Field(
        None, description="What people call the key.", examples=["Production"]
    )
    scopes: Annotated[tuple[Scope, ...], ScopeList()] | None = Field(
        None,
        description="What the key may do: no more than the key that creates it.",
        examples=[["images:process", "files:read", "jobs:read", "jobs:write"]],
    )
    scope_set: Annotated[str, Word(tuple(SCOPE_SETS))] | None = Field(
        None, description="A named set in place of scopes; the key holds what it means today."
    )
    environment: Annotated[str, Word(("live", "test"))] = Field(
        "live", description="Stands in the key's text."
    )
    expires_at: Annotated[datetime | None, End()] = Field(
        None, description="When the key ends, or never; a year from now by default."
    )
    allowed_cidrs: Annotated[None, NotYet("a key works from every address.")] = None
    rate_limit: Annotated[None, NotYet("the organization's limit counts.")] = None
    rate_limit_limit: Annotated[None, NotYet("the organization's limit counts.")] = Field(
        None, alias="rateLimit.limit"
    )
    rate_limit_window_seconds: Annotated[None, NotYet("the organization's limit counts.")] = Field(
        None, alias="rateLimit.windowSeconds"
    )
    team_id: Annotated[None, NotYet("a key belongs to the whole organization.")] = None


class ChangedKeyForm(Form):
    """What of a key can be changed."""

    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = Field(
        None, description="What people call the key.", examples=["Production, new name"]
    )
    scopes: Annotated[None, NotYet(FIXED)] = None
    scope_set: Annotated[None, NotYet(FIXED)] = None
    environment: Annotated[None, NotYet(FIXED)] = None
    expires_at: Annotated[None, NotYet(FIXED)] = None
    allowed_cidrs: Annotated[None, NotYet("a key works from every address.")] = None
    rate_limit: Annotated[None, NotYet("the organization's limit counts.")] = None
    team_id: Annotated[None, NotYet("a key belongs to the whole organization.")] = None


class RotationForm(Form):
    """How long secrets from before the rotation may work."""

    grace_seconds: Annotated[int, WholeNumber(0, LONGEST_GRACE_S, example=USUAL_GRACE_S)] = Field(
        USUAL_GRACE_S, description="Seconds that the secret before it works on; 0 for not at all."
    )


class RevocationForm(Form):
    """Why a key is revoked."""

    reason: Annotated[str | None, Label()] = Field(
        None, description="Recorded for whoever asks.", examples=["no longer used"]
    )


class AdoptionForm(Form):
    """Who is to answer for the key."""

    user_id: Annotated[UserId, PersonsId()] | None = Field(
        None,
        description="An owner or admin; only where nobody answers for the key that asks. "
        "Else it is who answers for that one.",
    )


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


class KeyAnswer(Answer):
    """A key, without its secret.

    ``effectiveScopes`` are those of its scopes that may be used today: the role of the person who
    answers for it, ``responsible``, allows no more. It is null for a key of the organization's own.
    The key of somebody who has left may do what a member may, until an owner or admin adopts it.
    ``formerSecretUntil`` is until when the secret from before a rotation may work. Last use is told
    some seconds later by the other processes of an installation.
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


@endpoint(
    "POST",
    PATH,
    scope=Scope.KEYS_MANAGE,
    form=NewKeyForm,
    answer=SecretKeyAnswer,
    created=True,
    refuses=("missing_parameter", "org_suspended", "overloaded"),
    answer_headers=WRITE_HEADERS,
)
async def create_key(call: Call[NewKeyForm]) -> Reply:
    """Create a key, with scopes that the creating key holds; its secret is told once."""
    form = call.form
    wanted = NewKey(
        name=_name_of(form),
        environment=form.environment,
        scopes=_scopes_of(form),
        expires_at=_end_of(form),
    )
    created = await call.services.api_keys.create(call.context, wanted, granted=call.key.scopes)
    location = {"location": f"{PATH}/{created.key.key_id}"}
    return _reply(created, status=201, headers=location)


@endpoint("GET", PATH, scope=Scope.KEYS_READ, form=PageForm, answer=KeysAnswer)
async def list_keys(call: Call[PageForm]) -> Reply:
    """Answer the organization's keys, newest first, with when each was last used."""
    form = call.form
    listed = await call.services.api_keys.list(
        call.key.org_id, before=form.after_id(KeyId), limit=form.limit + 1
    )
    shown, page = page_of(
        listed.keys, form, total=Total(listed.total), place=lambda key: str(key.key_id)
    )
    return Reply(KeysAnswer(data=[key_answer(key) for key in shown], page=page))


@endpoint("GET", KEY, scope=Scope.KEYS_READ, answer=KeyAnswer, refuses=("not_found",))
async def find_key(call: Call[NoFields]) -> Reply:
    """Answer a key."""
    key_id = key_id_of(call.path)
    return Reply(key_answer(await call.services.api_keys.find(call.key.org_id, key_id)))


@endpoint(
    "PATCH",
    KEY,
    scope=Scope.KEYS_MANAGE,
    form=ChangedKeyForm,
    answer=KeyAnswer,
    refuses=("missing_parameter", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def rename_key(call: Call[ChangedKeyForm]) -> Reply:
    """Call a key something else."""
    name = _name_of(call.form)
    return _reply(await call.services.api_keys.rename(call.context, key_id_of(call.path), name))


@endpoint(
    "POST",
    KEY + "/rotate",
    scope=Scope.KEYS_MANAGE,
    form=RotationForm,
    answer=SecretKeyAnswer,
    refuses=("already_terminal", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def rotate_key(call: Call[RotationForm]) -> Reply:
    """Give a key a new secret, told once; the one before it works on for its grace."""
    return _reply(
        await call.services.api_keys.rotate(
            call.context,
            key_id_of(call.path),
            grace_s=call.form.grace_seconds,
            granted=call.key.scopes,
        )
    )


@endpoint(
    "POST",
    KEY + "/revoke",
    scope=Scope.KEYS_MANAGE,
    form=RevocationForm,
    answer=KeyAnswer,
    refuses=("already_terminal", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def revoke_key(call: Call[RevocationForm]) -> Reply:
    """End a key, also the one of this request: within a second no process lets it in."""
    reason = call.form.reason
    return _reply(
        await call.services.api_keys.revoke(call.context, key_id_of(call.path), reason=reason)
    )


@endpoint(
    "POST",
    KEY + "/adopt",
    scope=Scope.KEYS_MANAGE,
    form=AdoptionForm,
    answer=KeyAnswer,
    refuses=("missing_parameter", "not_adoptable", "already_terminal", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def adopt_key(call: Call[AdoptionForm]) -> Reply:
    """Answer for a key whose person has left the organization, as an owner or admin of it."""
    changed = await call.services.key_adoptions.adopt(
        call.context, key_id_of(call.path), by=call.form.user_id, granted=call.key.scopes
    )
    return _reply(changed)


def key_answer(key: ListedKey) -> KeyAnswer:
    """The key as it stands now."""
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
            datetime.now(UTC),
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            former_until=key.former_until,
        ),
        created_at=key.created_at,
        created_by=KeyActor(
            type=key.created_by_type, id=key.created_by_id, name=key.created_by_name
        ),
        expires_at=key.expires_at,
        former_secret_until=None if key.revoked_at is not None else key.former_until,
        revoked_at=key.revoked_at,
        revoked_reason=key.revoked_reason,
        last_used_at=key.last_used_at,
        last_used_address=key.last_used_address,
        last_used_endpoint=key.last_used_endpoint,
    )


def _person(key: ListedKey) -> KeyPerson | None:
    person = key.responsible
    if person is None:
        return None
    name, role = key.responsible_name, person.role
    return KeyPerson(type="user", id=str(person.user_id), name=name, role=role)


def _reply(
    changed: ChangedKey, *, status: int = 200, headers: dict[str, str] | None = None
) -> Reply:
    told = key_answer(changed.key)
    if changed.secret is None:
        return Reply(told, status, headers or {}, head=changed.head)
    body = SecretKeyAnswer(**dict(told), secret=changed.secret)
    return Reply(body, status, headers or {}, head=changed.head, once=frozenset({"secret"}))


def _name_of(form: NewKeyForm | ChangedKeyForm) -> str:
    if form.name is None:
        raise InvalidInput(
            "missing_parameter",
            "A key needs a name.",
            param="name",
            fix="Name the key after the program that will use it.",
        )
    return form.name


def _scopes_of(form: NewKeyForm) -> tuple[Scope, ...]:
    if form.scopes is not None and form.scope_set is not None:
        raise InvalidInput(
            "invalid_parameter",
            "The request holds scopes and a scopeSet.",
            param="scopeSet",
            fix="Send one of them.",
        )
    if form.scopes is not None:
        return form.scopes
    if form.scope_set is not None:
        return SCOPE_SETS[form.scope_set]
    raise InvalidInput(
        "missing_parameter",
        "The request says nothing of what the key may do.",
        param="scopes",
        allowed={"scopeSets": list(SCOPE_SETS)},
        fix='Send scopes, or a scopeSet such as "process only".',
    )


def _end_of(form: NewKeyForm) -> datetime | None:
    is_said = "expires_at" in form.model_fields_set
    return form.expires_at if is_said else datetime.now(UTC) + USUAL_LIFE
