"""Signing in through a provider of identities: to it and back, and what comes of it."""

from typing import Annotated, Any

from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.browsers import device_of
from packshot.admin.shell.cookies import cookie
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.identities import provider_name
from packshot.admin.shell.inside import START, inside
from packshot.admin.shell.sealing import as_text, of_text
from packshot.admin.shell.tries import charge_tries, from_address
from packshot.commands.identities import JOURNEY_LIFE, Arrival, Departure, oidc_refused
from packshot.commands.people import Joined
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label
from packshot.edge.forms import Form

BROWSER = "oidc"
LINKED = "/account?done=linked"


class NextForm(Form):
    """Where to go on after signing in."""

    next: Annotated[str | None, Label(2000)] = None


class WaitingForm(Form):
    """An act that waits for a proof, sealed, and its address."""

    proof_act: Annotated[str, Label(100_000)]
    path: Annotated[str, Label(2000)]


class UnlinkForm(Form):
    """Which provider it is."""

    issuer: Annotated[str, Label(2000)]


class BackForm(Form):
    """What the provider says with the browser that comes back; some say more, which is not read."""

    state: Annotated[str | None, Label(1000)] = None
    code: Annotated[str | None, Label(8000)] = None
    iss: Annotated[str | None, Label(2000)] = None


@page("POST", "/sign-in/oidc", form=NextForm, is_public=True)
async def begin_sign_in(visit: Visit[NextForm]) -> Html:
    """Send somebody to the provider to sign in."""
    await charge_tries(visit, [from_address(visit)])
    return _departs(
        visit,
        await visit.services.identities.set_out("sign-in", going_on=inside(visit.form.next)),
    )


@page("POST", "/join/{secret}/oidc", is_public=True)
async def begin_join(visit: Visit[NoFields]) -> Html:
    """Send somebody to the provider who accepts an invite by it."""
    await charge_tries(visit, [from_address(visit)])
    secret = visit.path["secret"]
    await visit.services.people.find_invitation(secret)
    return _departs(
        visit, await visit.services.identities.set_out("join", going_on=START, link=secret)
    )


@page("POST", "/account/oidc", needs_proof=True)
async def begin_link(visit: Visit[NoFields]) -> Html:
    """Send a person to the provider whose account there is to be linked."""
    return _departs(
        visit,
        await visit.services.identities.set_out(
            "link", going_on=LINKED, user_id=visit.visitor.user_id
        ),
    )


@page("POST", "/account/oidc/prove", form=WaitingForm)
async def begin_proof(visit: Visit[WaitingForm]) -> Html:
    """Send a person to the provider to sign in there anew; what they wanted to do waits."""
    departure = await visit.services.identities.set_out(
        "prove",
        going_on=inside(visit.form.path),
        user_id=visit.visitor.user_id,
        act=of_text(visit.form.proof_act),
    )
    return _departs(visit, departure)


@page("POST", "/account/oidc/unlink", form=UnlinkForm, needs_proof=True)
async def unlink(visit: Visit[UnlinkForm]) -> Redirect:
    """End the link to the provider."""
    user_id = visit.visitor.user_id
    account = await visit.services.accounts.find(user_id)
    await visit.services.identities.unlink(
        user_id, visit.form.issuer, has_password=account.has_password
    )
    return Redirect("/account?done=unlinked")


@page("GET", "/sign-in/oidc/callback", is_public=True)
async def come_back(visit: Visit[NoFields]) -> PageAnswer:
    """Take in who comes back from the provider, for what the journey was begun for."""
    await charge_tries(visit, [from_address(visit)])
    browser = cookie(visit, BROWSER)
    visit.cookies[BROWSER] = ("", 0)
    told = _told(visit)
    arrival = await visit.services.identities.arrive(
        browser, told.state or "", code=told.code, issuer=told.iss
    )
    match arrival.journey.purpose:
        case "link":
            return await _link(visit, arrival)
        case "prove":
            return await _prove(visit, arrival)
        case "join":
            assert arrival.journey.link_hash is not None
            joined = await visit.services.identities.join(
                arrival.identity, arrival.journey.link_hash
            )
        case _:
            joined = await visit.services.identities.sign_in(arrival.identity)
    return await _begin(visit, joined, to=arrival.journey.going_on)


def _told(visit: Visit[Any]) -> BackForm:
    """The few members that count; a member given twice is none."""
    asked = visit.request.args
    found = {
        name: asked.getlist(name)[0]
        for name in ("state", "code", "iss")
        if len(asked.getlist(name)) == 1
    }
    return BackForm(**found)


async def _link(visit: Visit[Any], arrival: Arrival) -> Redirect:
    _require_the_same_person(visit, arrival)
    await visit.services.identities.link(visit.visitor.user_id, arrival.identity)
    return Redirect(arrival.journey.going_on)


async def _prove(visit: Visit[Any], arrival: Arrival) -> Html:
    _require_the_same_person(visit, arrival)
    await visit.services.identities.require_same(visit.visitor.user_id, arrival.identity)
    assert visit.token is not None
    await visit.services.sessions.prove(visit.token)
    seal = arrival.journey.act or b""
    return Html("confirmed.html", {"act": as_text(seal), "path": arrival.journey.going_on})


def _require_the_same_person(visit: Visit[Any], arrival: Arrival) -> None:
    if visit.signed_in is None or visit.signed_in.user_id != arrival.journey.user_id:
        raise oidc_refused("Somebody else is signed in here now than when the journey began.")


async def _begin(visit: Visit[Any], joined: Joined, *, to: str) -> Redirect:
    """A new session each time: one that somebody planted before is worth nothing."""
    sessions = visit.services.sessions
    if visit.token is not None:
        await sessions.end(visit.token)
    token = await sessions.begin(joined.user_id, joined.org_id, device_of(visit))
    return Redirect(to, token=token)


def _departs(visit: Visit[Any], departure: Departure) -> Html:
    """A page that goes on by itself: a redirected form would be one sent to another site."""
    visit.cookies[BROWSER] = (departure.browser, int(JOURNEY_LIFE.total_seconds()))
    return Html("oidc_go.html", {"to": departure.address, "provider": provider_name(visit)})
