"""API keys: the table, and creating, changing, rotating, adopting and revoking one."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.access import access
from domain.errors import NotFound, Refusal
from domain.ids import KeyId
from domain.scopes import SCOPE_SETS, Scope
from packshot.admin.key_forms import (
    CHOSEN,
    GRACES,
    KEEP,
    LIVES,
    EditPageForm,
    KeysQuery,
    NewKeyPageForm,
    RevokePageForm,
    RotatePageForm,
)
from packshot.admin.key_rows import key_row, scope_groups
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.lists import address
from packshot.commands.api_keys import ChangedKey, NewKey
from packshot.commands.key_edits import KeyWish
from packshot.edge.contract import NoFields
from packshot.edge.forms import read_form
from packshot.edge.key_fields import NEVER
from packshot.edge.key_forms import ChangedKeyForm, NewKeyForm, limit_of, nameless, wish_of
from packshot.edge.looking_back import point_text
from packshot.edge.paging import Total, page_of
from packshot.edge.path_ids import key_id_of
from packshot.edge.problems import kind_of
from packshot.edge.visibility import asked_point
from projections.api_keys import ListedKey

PATH = "/keys"
KEY = PATH + "/{keyId}"
VERBS = {"rotate": "Rotate", "revoke": "Revoke", "edit": "Edit", "adopt": "Adopt"}


@page("GET", PATH, scope=Scope.KEYS_READ, form=KeysQuery)
async def show_keys(visit: Visit[KeysQuery]) -> Html:
    """Show the page of keys; its table is a part that is asked for by itself."""
    form = visit.form
    cursor, as_of = visit.values.get("cursor", ""), point_text(form.as_of)
    values: dict[str, Any] = {
        "q": form.q or "",
        "as_of": as_of,
        "is_position": isinstance(form.as_of, int),
        "address": address(PATH, q=form.q, cursor=cursor, asOf=as_of),
    }
    if visit.is_fragment:
        return Html("keys_table.html", values | await _table(visit))
    if form.whole or as_of is not None:
        return Html("keys.html", values | await _table(visit))
    values["whole"] = address(PATH, q=form.q, cursor=cursor, whole="yes")
    return Html("keys.html", values | {"rows": None})


@page("GET", PATH + "/new", scope=Scope.KEYS_MANAGE)
async def ask_new_key(visit: Visit[NoFields]) -> Html:
    """Ask what the new key is to be."""
    return _ask_new(visit, NewKeyPageForm())


@page("POST", PATH, scope=Scope.KEYS_MANAGE, form=NewKeyPageForm, needs_proof=True)
async def create_key(visit: Visit[NewKeyPageForm]) -> Html:
    """Create a key, and show its secret this once."""
    form = visit.form
    try:
        created = await visit.services.api_keys.create(
            visit.context, _new_key(form), granted=visit.visitor.access.scopes
        )
    except Refusal as problem:
        return _ask_new(visit, form, problem=problem)
    return _secret(visit, created, title="Key created")


@page("GET", KEY + "/{verb}", scope=Scope.KEYS_MANAGE)
async def ask_change(visit: Visit[NoFields]) -> Html:
    """Ask before a key is changed, rotated, adopted or revoked."""
    verb = visit.path["verb"]
    if verb not in VERBS:
        raise NotFound("not_found", "There is no such page.", fix="Begin at the start page.")
    return await _ask(visit, verb)


@page("POST", KEY + "/edit", scope=Scope.KEYS_MANAGE, form=EditPageForm, needs_proof=True)
async def edit_key(visit: Visit[EditPageForm]) -> PageAnswer:
    """Change what a key is called, what it may do, until when, from where and how often."""
    granted, key_id = visit.visitor.access.scopes, key_id_of(visit.path)
    key = await visit.services.api_keys.find(visit.visitor.org_id, key_id)
    try:
        wish = _wish(visit.form, key)
        await visit.services.key_edits.edit(visit.context, key_id, wish, granted=granted)
    except NotFound:
        raise
    except Refusal as problem:
        return await _ask(visit, "edit", problem=problem, form=visit.form)
    return Redirect(PATH)


@page("POST", KEY + "/adopt", scope=Scope.KEYS_MANAGE, needs_proof=True)
async def adopt_key(visit: Visit[NoFields]) -> PageAnswer:
    """Answer for a key whose person has left."""
    granted, key_id = visit.visitor.access.scopes, key_id_of(visit.path)
    try:
        await visit.services.key_adoptions.adopt(visit.context, key_id, granted=granted)
    except NotFound:
        raise
    except Refusal as problem:
        return await _ask(visit, "adopt", problem=problem)
    return Redirect(PATH)


@page("POST", KEY + "/rotate", scope=Scope.KEYS_MANAGE, form=RotatePageForm, needs_proof=True)
async def rotate_key(visit: Visit[RotatePageForm]) -> PageAnswer:
    """Give a key a new secret, and show it this once."""
    granted = visit.visitor.access.scopes
    try:
        changed = await visit.services.api_keys.rotate(
            visit.context, key_id_of(visit.path), grace_s=visit.form.grace, granted=granted
        )
    except NotFound:
        raise
    except Refusal as problem:
        return await _ask(visit, "rotate", problem=problem)
    return _secret(visit, changed, title="New secret")


@page("POST", KEY + "/revoke", scope=Scope.KEYS_MANAGE, form=RevokePageForm, needs_proof=True)
async def revoke_key(visit: Visit[RevokePageForm]) -> PageAnswer:
    """End a key."""
    try:
        await visit.services.api_keys.revoke(
            visit.context, key_id_of(visit.path), reason=visit.form.reason
        )
    except NotFound:
        raise
    except Refusal as problem:
        return await _ask(visit, "revoke", problem=problem)
    return Redirect(PATH)


async def _table(visit: Visit[KeysQuery]) -> dict[str, Any]:
    form, org_id = visit.form, visit.visitor.org_id
    then = await asked_point(visit.services.pools, org_id, form)
    at, moment = (None, None) if then is None else (then.position, then.moment)
    listed = await visit.services.api_keys.list(
        org_id, before=form.after_id(KeyId), limit=form.limit + 1, matching=form.q or "", at=at
    )
    shown, paging = page_of(
        listed.keys, form, total=Total(listed.total), place=lambda key: str(key.key_id), at=at
    )
    makers = {key.created_by_id for key in shown}
    names = await visit.services.names.known(org_id, makers)
    query = {"q": form.q, "whole": form.whole, "asOf": point_text(form.as_of)}
    following = paging.next_cursor
    return {
        "rows": [key_row(key, names, moment=moment) for key in shown],
        "then": then,
        "paging": paging,
        "first": None if form.cursor is None else address(PATH, **query),
        "next": following and address(PATH, **query, cursor=following),
    }


def _ask_new(visit: Visit[Any], form: NewKeyPageForm, *, problem: Refusal | None = None) -> Html:
    granted = visit.visitor.access.scopes
    values = {
        "form": form,
        "sets": {name: those for name, those in SCOPE_SETS.items() if granted >= set(those)},
        "groups": scope_groups(granted),
        "title": "Create key",
        "part": "key_new.html",
    }
    return _told(visit, values, problem=problem)


async def _ask(
    visit: Visit[Any],
    verb: str,
    *,
    problem: Refusal | None = None,
    form: EditPageForm | None = None,
) -> Html:
    key = await visit.services.api_keys.find(visit.visitor.org_id, key_id_of(visit.path))
    row = key_row(key, {})
    values = {
        "row": row,
        "graces": GRACES,
        "form": form or _as_it_is(key),
        "groups": scope_groups(_offered(visit, key)),
        "ends": "Never, as now" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}, as now",
        "title": f"{VERBS[verb]} “{key.name}”",
        "part": f"key_{verb}.html",
    }
    return _told(visit, values, problem=problem)


def _as_it_is(key: ListedKey) -> EditPageForm:
    limit = key.rate_limit
    return EditPageForm.model_construct(
        name=key.name,
        scopes=tuple(Scope(scope) for scope in key.scopes),
        networks="\n".join(key.allowed_cidrs),
        limit=None if limit is None else str(limit.limit),
        window=None if limit is None else str(limit.window_s),
    )


def _offered(visit: Visit[Any], key: ListedKey) -> frozenset[Scope]:
    """The scopes that the key may be given, and those that it has."""
    allowed = access(visit.visitor.access.scopes, key.responsible, team_id=key.team_id).scopes
    return allowed | {Scope(scope) for scope in key.scopes}


def _wish(form: EditPageForm, key: ListedKey) -> KeyWish:
    """What is typed, where it says something new; of a key that ended the name alone."""
    if form.name is None:
        raise nameless()
    values: dict[str, object] = {"name": form.name}
    if not key_row(key, {}).is_over:
        values |= form.values
        if set(form.scopes) != set(key.scopes):
            values["scopes"] = [str(scope) for scope in form.scopes]
        if form.life != KEEP:
            values["expiresAt"] = _end(form.life)
    return wish_of(read_form(ChangedKeyForm, values))


def _end(life: str) -> str:
    lasts = LIVES[life]
    return NEVER if lasts is None else (datetime.now(UTC) + lasts).isoformat()


def _secret(visit: Visit[Any], changed: ChangedKey, *, title: str) -> Html:
    values = {
        "title": title,
        "part": "key_secret.html",
        "secret": changed.secret,
        "row": key_row(_without_grace(changed.key), {}),
        "former_until": _grace_of(changed.key),
    }
    return _told(visit, values)


def _told(visit: Visit[Any], values: dict[str, Any], *, problem: Refusal | None = None) -> Html:
    """The part in a dialog for a script, in a page of its own for a browser without one."""
    template = "key_dialog.html" if visit.is_fragment else "key_page.html"
    status = 200 if problem is None else kind_of(problem.code).status
    return Html(template, values | {"problem": problem}, status=status)


def _new_key(form: NewKeyPageForm) -> NewKey:
    if form.name is None:
        raise nameless()
    read = read_form(NewKeyForm, form.values)
    life = LIVES[form.life]
    return NewKey(
        name=form.name,
        environment=form.environment,
        scopes=form.scopes if form.scope_set == CHOSEN else SCOPE_SETS[form.scope_set],
        expires_at=None if life is None else datetime.now(UTC) + life,
        allowed_cidrs=read.allowed_cidrs,
        rate_limit=limit_of(read),
    )


def _without_grace(key: ListedKey) -> ListedKey:
    return replace(key, former_until=None)


def _grace_of(key: ListedKey) -> datetime | None:
    until = key.former_until
    return until if until is not None and until > datetime.now(UTC) else None
