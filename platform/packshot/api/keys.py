"""/api/v1/keys: the organization's API keys, their secrets shown once."""

from typing import Any

from domain.ids import KeyId
from domain.scopes import Scope
from packshot.commands.api_keys import ChangedKey, NewKey
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.key_forms import (
    AdoptionForm,
    ChangedKeyForm,
    NewKeyForm,
    RevocationForm,
    RotationForm,
    end_of,
    limit_of,
    name_of,
    scopes_of,
    wish_of,
)
from packshot.edge.key_shapes import KeyAnswer, KeysAnswer, SecretKeyAnswer, key_answer
from packshot.edge.looking_back import LooksBack, PastPageForm
from packshot.edge.paging import Total, page_of
from packshot.edge.path_ids import key_id_of
from packshot.edge.trying import refuse_test_key

PATH = "/api/v1/keys"
KEY = PATH + "/{keyId}"
CHANGE_REFUSALS = ("not_found", "version_conflict", "org_suspended", "overloaded")
WRITE_HEADERS = ("x-log-position", "x-log-head")


@endpoint(
    "POST",
    PATH,
    scope=Scope.KEYS_MANAGE,
    form=NewKeyForm,
    answer=SecretKeyAnswer,
    created=True,
    refuses=("missing_parameter", "test_key", "org_suspended", "overloaded"),
    answer_headers=WRITE_HEADERS,
)
async def create_key(call: Call[NewKeyForm]) -> Reply:
    """Create a key, with scopes that the creating key holds; its secret is told once."""
    form = call.form
    wanted = NewKey(
        name=name_of(form),
        environment=form.environment,
        scopes=scopes_of(form),
        expires_at=end_of(form),
        allowed_cidrs=form.allowed_cidrs,
        rate_limit=limit_of(form),
    )
    _refuse_live(call, wanted.environment)
    created = await call.services.api_keys.create(call.context, wanted, granted=call.key.scopes)
    location = {"location": f"{PATH}/{created.key.key_id}"}
    return _reply(created, status=201, headers=location)


@endpoint("GET", PATH, scope=Scope.KEYS_READ, form=PastPageForm, answer=KeysAnswer)
async def list_keys(call: Call[PastPageForm]) -> Reply:
    """Answer the organization's keys, newest first, with when each was last used."""
    form, at = call.form, call.position
    listed = await call.services.api_keys.list(
        call.key.org_id, before=form.after_id(KeyId), limit=form.limit + 1, at=at
    )
    shown, page = page_of(
        listed.keys, form, total=Total(listed.total), place=lambda key: str(key.key_id), at=at
    )
    told = [key_answer(key, as_of=call.as_of) for key in shown]
    return Reply(KeysAnswer(data=told, page=page))


@endpoint(
    "GET", KEY, scope=Scope.KEYS_READ, form=LooksBack, answer=KeyAnswer, refuses=("not_found",)
)
async def find_key(call: Call[LooksBack]) -> Reply:
    """Answer a key."""
    keys, key_id = call.services.api_keys, key_id_of(call.path)
    key = await keys.find(call.key.org_id, key_id, at=call.position)
    return Reply(key_answer(key, as_of=call.as_of))


@endpoint(
    "PATCH",
    KEY,
    scope=Scope.KEYS_MANAGE,
    form=ChangedKeyForm,
    answer=KeyAnswer,
    refuses=("missing_parameter", "already_terminal", "test_key", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def change_key(call: Call[ChangedKeyForm]) -> Reply:
    """Change what a key is called, what it may do, until when, from where and how often."""
    key_id, wish = key_id_of(call.path), wish_of(call.form)
    await _refuse_live_key(call, key_id)
    return _reply(
        await call.services.key_edits.edit(call.context, key_id, wish, granted=call.key.scopes)
    )


@endpoint(
    "POST",
    KEY + "/rotate",
    scope=Scope.KEYS_MANAGE,
    form=RotationForm,
    answer=SecretKeyAnswer,
    refuses=("already_terminal", "test_key", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def rotate_key(call: Call[RotationForm]) -> Reply:
    """Give a key a new secret, told once; the one before it works on for its grace."""
    key_id = key_id_of(call.path)
    await _refuse_live_key(call, key_id)
    return _reply(
        await call.services.api_keys.rotate(
            call.context,
            key_id,
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
    refuses=("already_terminal", "test_key", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def revoke_key(call: Call[RevocationForm]) -> Reply:
    """End a key, also the one of this request: within a second no process lets it in."""
    key_id, reason = key_id_of(call.path), call.form.reason
    await _refuse_live_key(call, key_id)
    return _reply(await call.services.api_keys.revoke(call.context, key_id, reason=reason))


@endpoint(
    "POST",
    KEY + "/adopt",
    scope=Scope.KEYS_MANAGE,
    form=AdoptionForm,
    answer=KeyAnswer,
    refuses=(
        "missing_parameter",
        "not_adoptable",
        "already_terminal",
        "test_key",
        *CHANGE_REFUSALS,
    ),
    answer_headers=WRITE_HEADERS,
)
async def adopt_key(call: Call[AdoptionForm]) -> Reply:
    """Answer for a key whose person has left the organization, as an owner or admin of it."""
    key_id = key_id_of(call.path)
    await _refuse_live_key(call, key_id)
    changed = await call.services.key_adoptions.adopt(
        call.context, key_id, by=call.form.user_id, granted=call.key.scopes
    )
    return _reply(changed)


def _reply(
    changed: ChangedKey, *, status: int = 200, headers: dict[str, str] | None = None
) -> Reply:
    told = key_answer(changed.key)
    if changed.secret is None:
        return Reply(told, status, headers or {}, head=changed.head)
    body = SecretKeyAnswer(**dict(told), secret=changed.secret)
    return Reply(body, status, headers or {}, head=changed.head, once=frozenset({"secret"}))


async def _refuse_live_key(call: Call[Any], key_id: KeyId) -> None:
    """Refuse a key for tests that is to get hold of one for the shop itself."""
    if call.key.is_test:
        key = await call.services.api_keys.find(call.key.org_id, key_id)
        _refuse_live(call, key.environment)


def _refuse_live(call: Call[Any], environment: str) -> None:
    if environment == "live":
        refuse_test_key(call, "makes, changes, rotates and revokes keys for tests only")
