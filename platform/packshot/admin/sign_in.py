"""Signing in and out, and joining by a link: the pages for people who are not signed in yet."""

from collections.abc import Sequence
from typing import Annotated, Any

from domain.errors import NotFound, Refusal
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.browsers import device_of
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.identities import provider_name
from packshot.admin.shell.inside import START, inside
from packshot.admin.shell.tries import charge_tries, from_address, hashed, of_account
from packshot.commands.people import LINK_LIFE, Joined, Newcomer, wrong_password
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label, Password, Word
from packshot.edge.forms import Form
from packshot.edge.limits import Charge, Policy
from packshot.edge.problems import kind_of

# A link answers this many addresses in its life: it is no way to ask who has an account.
LINK = Policy("join-link", burst=5, per_second=5 / LINK_LIFE.total_seconds())


DONE = {"reset": "Your password was replaced. Sign in with the new one."}


class NextForm(Form):
    """Where to go on after signing in, and what was done before."""

    next: Annotated[str | None, Label(2000)] = None
    done: Annotated[str, Word(tuple(DONE))] | None = None


class SignInForm(NextForm):
    """Who it is, and the password."""

    email: Annotated[str | None, Label(254)] = None
    password: Annotated[str, Password()] = ""


class JoinForm(Form):
    """The new person."""

    name: Annotated[str | None, Label(1000)] = None
    email: Annotated[str | None, Label(1000)] = None
    password: Annotated[str, Password()] = ""


@page("GET", "/sign-in", form=NextForm, is_public=True)
async def ask_sign_in(visit: Visit[NextForm]) -> PageAnswer:
    """Ask who it is."""
    if visit.signed_in is not None:
        return Redirect(inside(visit.form.next))
    return _sign_in_page(visit)


@page("POST", "/sign-in", form=SignInForm, is_public=True)
async def sign_in(visit: Visit[SignInForm]) -> PageAnswer:
    """Begin a session for who knows the password; nobody learns which addresses have accounts."""
    email = visit.form.email or ""
    try:
        await charge_tries(visit, [from_address(visit), of_account(email)])
        known = await visit.services.people.sign_in(email=email, password=visit.form.password)
        if known is None:
            raise wrong_password()
    except Refusal as refusal:
        if kind_of(refusal.code).status >= 500:  # noqa: PLR2004 - not about who it is
            raise
        return _sign_in_page(visit, problem=refusal)
    return await _begin(visit, known, to=inside(visit.form.next))


@page("POST", "/sign-out", form=NextForm, is_kept_open=True)
async def sign_out(visit: Visit[NextForm]) -> Redirect:
    """End the session, here and at the server, and go on where that was asked for."""
    if visit.token is not None:
        await visit.services.sessions.end(visit.token)
    following = visit.form.next
    return Redirect("/sign-in" if following is None else inside(following), token="")


@page("GET", "/join/{secret}", is_public=True)
async def ask_join(visit: Visit[NoFields]) -> Html:
    """Show what the link invites to."""
    return await _join_page(visit)


@page("POST", "/join/{secret}", form=JoinForm, is_public=True)
async def join(visit: Visit[JoinForm]) -> PageAnswer:
    """Take the person in: one who is signed in as who they are, anybody else as who they say.

    Who says an address that has an account needs its password, as for signing in.
    """
    try:
        joined = await _joined(visit)
    except NotFound:
        return _link_is_over()
    except Refusal as refusal:
        if kind_of(refusal.code).status >= 500:  # noqa: PLR2004 - not about who it is
            raise
        return await _join_page(visit, problem=refusal)
    return await _begin(visit, joined, to=START)


async def _joined(visit: Visit[JoinForm]) -> Joined:
    people, secret, form = visit.services.people, visit.path["secret"], visit.form
    await charge_tries(visit, [from_address(visit)])
    if visit.signed_in is not None:
        return await people.join_as(visit.visitor.user_id, secret)
    email, name = form.email or "", form.name or ""
    newcomer = Newcomer.read(email=email, name=name, password=form.password)
    await people.find_invitation(secret)
    charges = [of_account(newcomer.email), Charge(LINK, hashed(secret), 1.0)]
    await charge_tries(visit, charges, link=LINK)
    return await people.join(secret, email=email, name=name, password=form.password)


async def _begin(visit: Visit[Any], joined: Joined, *, to: str) -> Redirect:
    """A new session each time: one that somebody planted before is worth nothing."""
    sessions = visit.services.sessions
    if visit.token is not None:
        await sessions.end(visit.token)
    token = await sessions.begin(joined.user_id, joined.org_id, device_of(visit))
    return Redirect(to, token=token)


def _sign_in_page(visit: Visit[Any], *, problem: Refusal | None = None) -> Html:
    done = None if visit.form.done is None else DONE[visit.form.done]
    values = {
        "problem": problem,
        "provider": provider_name(visit),
        "done": done,
        "email": visit.values.get("email", ""),
        "next": visit.form.next,
    }
    return _form_page("sign_in.html", values, problem=problem)


async def _join_page(visit: Visit[Any], *, problem: Refusal | None = None) -> Html:
    secret = visit.path["secret"]
    try:
        invitation = await visit.services.people.find_invitation(secret)
    except NotFound:
        return _link_is_over()
    place = next((p for p in _places(visit) if p.org_id == invitation.org_id), None)
    values = {
        "invitation": invitation,
        "secret": secret,
        "problem": problem,
        "email": visit.values.get("email", ""),
        "name": visit.values.get("name", ""),
        "provider": provider_name(visit),
        "place": place,
    }
    return _form_page("join.html", values, problem=problem)


def _places(visit: Visit[Any]) -> Sequence[Any]:
    return () if visit.signed_in is None else visit.signed_in.places


def _form_page(template: str, values: dict[str, Any], *, problem: Refusal | None) -> Html:
    if problem is None:
        return Html(template, values)
    status, headers = kind_of(problem.code).status, dict(problem.headers)
    return Html(template, values, status=status, headers=headers)


def _link_is_over() -> Html:
    """One page for whatever ended the link, and for what never was one."""
    return Html("link_over.html", status=404)
