"""Signing in and out, and joining by a link: the pages for people who are not signed in yet."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from domain.errors import NotFound, Refusal
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.commands.people import Joined
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label
from packshot.edge.forms import Form
from packshot.edge.limits import Charge, Policy, address_charge

START = "/studio"
# TRUST: five tries a minute for an account; an office behind one address has more people.
ACCOUNT = Policy("sign-in-account", burst=5, per_second=5 / 60)
ADDRESS = Policy("sign-in-address", burst=20, per_second=20 / 60)


class NextForm(Form):
    """Where to go on after signing in."""

    next: Annotated[str | None, Label(2000)] = None


class SignInForm(NextForm):
    """Who it is, and the password."""

    email: Annotated[str, Label(254)] = ""
    password: Annotated[str, Label(1000)] = ""


class JoinForm(Form):
    """The new person."""

    name: Annotated[str, Label(1000)] = ""
    email: Annotated[str, Label(1000)] = ""
    password: Annotated[str, Label(1000)] = ""


@page("GET", "/sign-in", form=NextForm, is_public=True)
async def ask_sign_in(visit: Visit[NextForm]) -> PageAnswer:
    """Ask who it is."""
    if visit.signed_in is not None:
        return Redirect(_inside(visit.form.next))
    return _sign_in_page(visit)


@page("POST", "/sign-in", form=SignInForm, is_public=True)
async def sign_in(visit: Visit[SignInForm]) -> PageAnswer:
    """Begin a session for who knows the password; nobody learns which addresses have accounts."""
    form = visit.form
    charges = (
        address_charge(visit.exchange.address, policy=ADDRESS),
        Charge(ACCOUNT, form.email.strip().lower(), 1.0),
    )
    refusal = await _too_often(visit, charges)
    if refusal is not None:
        return _sign_in_page(visit, problem=refusal, status=429)
    known = await visit.services.people.sign_in(email=form.email, password=form.password)
    if known is None:
        return _sign_in_page(visit, problem=_unknown(), status=401)
    return await _begin(visit, known, to=_inside(form.next))


@page("POST", "/sign-out")
async def sign_out(visit: Visit[NoFields]) -> Redirect:
    """End the session, here and at the server."""
    if visit.token is not None:
        await visit.services.sessions.end(visit.token)
    return Redirect("/sign-in", token="")


@page("GET", "/join/{secret}", is_public=True)
async def ask_join(visit: Visit[NoFields]) -> Html:
    """Show what the link invites to."""
    return await _join_page(visit)


@page("POST", "/join/{secret}", form=JoinForm, is_public=True)
async def join(visit: Visit[JoinForm]) -> PageAnswer:
    """Take the person in: one who is signed in as who they are, anybody else as a new person."""
    people, secret = visit.services.people, visit.path["secret"]
    refusal = await _too_often(visit, [address_charge(visit.exchange.address, policy=ADDRESS)])
    try:
        if refusal is not None:
            raise refusal
        if visit.signed_in is not None:
            joined = await people.join_as(visit.visitor.user_id, secret)
        else:
            form = visit.form
            joined = await people.join(
                secret, email=form.email, name=form.name, password=form.password
            )
    except NotFound:
        raise
    except Refusal as refusal:
        return await _join_page(visit, problem=refusal)
    return await _begin(visit, joined, to=START)


async def _begin(visit: Visit[Any], joined: Joined, *, to: str) -> Redirect:
    """A new session each time: one that somebody planted before is worth nothing."""
    sessions = visit.services.sessions
    if visit.token is not None:
        await sessions.end(visit.token)
    return Redirect(to, token=await sessions.begin(joined.user_id, joined.org_id))


async def _too_often(visit: Visit[Any], charges: Sequence[Charge]) -> Refusal | None:
    try:
        for charge in charges:
            await visit.gate.charge(visit.exchange, charge)
    except Refusal as refusal:
        return refusal
    return None


def _sign_in_page(visit: Visit[Any], *, problem: Refusal | None = None, status: int = 200) -> Html:
    values = {"problem": problem, "email": visit.values.get("email", ""), "next": visit.form.next}
    return Html("sign_in.html", values, status=status)


async def _join_page(visit: Visit[Any], *, problem: Refusal | None = None) -> Html:
    invitation = await visit.services.people.find_invitation(visit.path["secret"])
    values = {
        "invitation": invitation,
        "secret": visit.path["secret"],
        "problem": problem,
        "email": visit.values.get("email", ""),
        "name": visit.values.get("name", ""),
    }
    return Html("join.html", values, status=200 if problem is None else 422)


def _inside(wanted: str | None) -> str:
    """An address of ours to go on at; anything that could lead elsewhere is the start page."""
    if not wanted or not wanted.startswith("/") or "\\" in wanted or not wanted.isprintable():
        return START
    parts = urlsplit(wanted)
    return wanted if not parts.scheme and not parts.netloc and wanted[1:2] != "/" else START


def _unknown() -> Refusal:
    return Refusal(
        "key_unknown",
        "The address and the password do not belong together.",
        fix="Look at both again. Who has forgotten the password asks an owner for a new link.",
    )
