"""The forms of requests about keys, and what each of them wishes."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from domain.api_key import LONGEST_GRACE_S, NAME_MAX_CHARACTERS, USUAL_GRACE_S
from domain.errors import InvalidInput
from domain.ids import UserId
from domain.key_limit import LONGEST_WINDOW_S, MOST_REQUESTS, RateLimit
from domain.scopes import SCOPE_SETS, Scope
from packshot.commands.key_edits import KeyWish
from packshot.edge.fields import Label, NotYet, Whole, Word
from packshot.edge.forms import Form
from packshot.edge.key_fields import CidrList, End, PersonsId, ScopeList
from packshot.edge.quantities import WholeNumber

USUAL_LIFE = timedelta(days=365)
FIXED = "it stands as the key was created with it; create another key."
RATE_LIMIT = '{"limit": 600, "windowSeconds": 60}'


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
    allowed_cidrs: Annotated[tuple[str, ...], CidrList()] = Field(
        (),
        description="The networks it works from; an empty list is everywhere.",
        examples=[["203.0.113.0/24", "2001:db8::/32"]],
    )
    rate_limit: Annotated[None, Whole(RATE_LIMIT)] = None
    rate_limit_limit: Annotated[int, WholeNumber(1, MOST_REQUESTS, example=600)] | None = Field(
        None, alias="rateLimit.limit", description="Requests in the window, each counted as one."
    )
    rate_limit_window_seconds: (
        Annotated[int, WholeNumber(1, LONGEST_WINDOW_S, example=60)] | None
    ) = Field(None, alias="rateLimit.windowSeconds")
    team_id: Annotated[None, NotYet("a key belongs to the whole organization.")] = None


class ChangedKeyForm(Form):
    """What of a key is to be another; what is left out stays as it is.

    A null takes away an end, the networks or the limit.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})
    clears: ClassVar[frozenset[str]] = frozenset({"expiresAt", "allowedCidrs", "rateLimit"})

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = Field(
        None, description="What people call the key.", examples=["Production, new name"]
    )
    scopes: Annotated[tuple[Scope, ...], ScopeList()] | None = Field(
        None,
        description="What the key may do: no more than the key that asks, nor than who answers "
        "for it.",
    )
    scope_set: Annotated[str, Word(tuple(SCOPE_SETS))] | None = Field(
        None, description="A named set in place of scopes; the key holds what it means today."
    )
    environment: Annotated[None, NotYet(FIXED)] = None
    expires_at: Annotated[datetime | None, End()] = Field(
        None, description="When the key ends, or never."
    )
    allowed_cidrs: Annotated[tuple[str, ...], CidrList()] | None = Field(
        None, description="The networks it works from; an empty list is everywhere."
    )
    rate_limit: Annotated[None, Whole(RATE_LIMIT)] = None
    rate_limit_limit: Annotated[int, WholeNumber(1, MOST_REQUESTS, example=600)] | None = Field(
        None, alias="rateLimit.limit", description="Requests in the window, each counted as one."
    )
    rate_limit_window_seconds: (
        Annotated[int, WholeNumber(1, LONGEST_WINDOW_S, example=60)] | None
    ) = Field(None, alias="rateLimit.windowSeconds")
    team_id: Annotated[
        None, NotYet("a key stays with the organization or team it was made for.")
    ] = None


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


def wish_of(form: ChangedKeyForm) -> KeyWish:
    """What a request wishes a key to be; raises InvalidInput where it says nothing."""
    names = form.model_fields_set
    said = names & {"expires_at", "allowed_cidrs"}
    said |= {"name"} if form.name is not None else set()
    said |= {"scopes"} if names & {"scopes", "scope_set"} else set()
    said |= {"rate_limit"} if any(name.startswith("rate_limit") for name in names) else set()
    if not said:
        raise InvalidInput(
            "missing_parameter",
            "The request says nothing of what is to change.",
            fix="Send name, scopes, expiresAt, allowedCidrs or rateLimit.",
        )
    return KeyWish(
        said=frozenset(said),
        name=form.name or "",
        scopes=scopes_of(form) if "scopes" in said else (),
        expires_at=form.expires_at,
        allowed_cidrs=form.allowed_cidrs or (),
        rate_limit=limit_of(form),
    )


def limit_of(form: NewKeyForm | ChangedKeyForm) -> RateLimit | None:
    """The limit that a request names, None for none; raises InvalidInput for half of one."""
    limit, window_s = form.rate_limit_limit, form.rate_limit_window_seconds
    if limit is None and window_s is None:
        return None
    if limit is None or window_s is None:
        raise InvalidInput(
            "missing_parameter",
            "A rateLimit is so many requests in so many seconds.",
            param="rateLimit.limit" if limit is None else "rateLimit.windowSeconds",
            fix=f"Send {RATE_LIMIT}.",
        )
    return RateLimit(limit, window_s)


def name_of(form: NewKeyForm) -> str:
    """The name of a new key; raises InvalidInput where the request has none."""
    if form.name is None:
        raise nameless()
    return form.name


def nameless() -> InvalidInput:
    """The refusal of a key without a name."""
    return InvalidInput(
        "missing_parameter",
        "A key needs a name.",
        param="name",
        fix="Name the key after the program that will use it.",
    )


def scopes_of(form: NewKeyForm | ChangedKeyForm) -> tuple[Scope, ...]:
    """The scopes that a request names, by themselves or as a set; raises InvalidInput."""
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


def end_of(form: NewKeyForm) -> datetime | None:
    """When a new key ends: a year from now unless the request says."""
    is_said = "expires_at" in form.model_fields_set
    return form.expires_at if is_said else datetime.now(UTC) + USUAL_LIFE
