"""Lost passwords: asked for by mail, made by an owner or admin for a member, and used once."""

import asyncio
from typing import Annotated, Any

import structlog

from domain.errors import NotFound, Refusal
from domain.ids import UserId
from domain.scopes import Scope
from integrations.mail import MailFailed
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.tries import charge_tries, from_address, hashed, of_account
from packshot.commands.members import no_such_member
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label, Password
from packshot.edge.forms import Form
from packshot.edge.limits import Charge, Policy
from packshot.edge.problems import kind_of

# Nobody's mailbox is flooded by somebody who knows its address.
MAILS = Policy("reset-mails", burst=3, per_second=3 / 3600)
LINK = Policy("reset-link", burst=10, per_second=10 / 3600)

log = structlog.get_logger()
_under_way: set[asyncio.Task[None]] = set()


class EmailForm(Form):
    """Whose password was lost."""

    email: Annotated[str | None, Label(254)] = None


class NewPasswordForm(Form):
    """The password that is to be."""

    password: Annotated[str, Password()] = ""


@page("GET", "/forgot", is_public=True)
async def ask_forgot(visit: Visit[NoFields]) -> Html:
    """Ask for the address, or say whom to ask where no mail is sent."""
    return _forgot(visit)


@page("POST", "/forgot", form=EmailForm, is_public=True)
async def forgot(visit: Visit[EmailForm]) -> Html:
    """Say that a mail is on its way, whether or not it is: what is done for it comes afterwards."""
    email = visit.form.email or ""
    if visit.services.resets.mail is None or "@" not in email:
        return _forgot(visit)
    try:
        await charge_tries(visit, [from_address(visit), of_account(email, policy=MAILS)])
    except Refusal as refusal:
        if kind_of(refusal.code).status >= 500:  # noqa: PLR2004 - not about who it is
            raise
        return _forgot(visit, problem=refusal)
    task = asyncio.create_task(_send(visit, email))
    _under_way.add(task)  # the loop itself holds tasks weakly
    task.add_done_callback(_under_way.discard)
    return _forgot(visit, sent_to=email)


@page("GET", "/reset/{secret}", is_public=True)
async def ask_reset(visit: Visit[NoFields]) -> Html:
    """Ask for the new password."""
    return await _reset_page(visit)


@page("POST", "/reset/{secret}", form=NewPasswordForm, is_public=True)
async def reset(visit: Visit[NewPasswordForm]) -> PageAnswer:
    """Replace the password; every session ends, and the new password signs in."""
    secret = visit.path["secret"]
    try:
        await charge_tries(
            visit, [from_address(visit), Charge(LINK, hashed(secret), 1.0)], link=LINK
        )
        await visit.services.resets.use(secret, visit.form.password)
    except NotFound:
        return _link_is_over()
    except Refusal as refusal:
        if kind_of(refusal.code).status >= 500:  # noqa: PLR2004 - not about the password
            raise
        return await _reset_page(visit, problem=refusal)
    return Redirect("/sign-in?done=reset", token="")


@page("POST", "/team/members/{userId}/reset", scope=Scope.MEMBERS_MANAGE, needs_proof=True)
async def offer(visit: Visit[NoFields]) -> Html:
    """Make a link that gives a member a new password, and show it this once."""
    try:
        user_id = UserId.parse(visit.path["userId"])
    except ValueError:
        raise no_such_member() from None
    offered = await visit.services.resets.offer(visit.context, user_id)
    account = await visit.services.accounts.find(user_id)
    values = {
        "offered": offered,
        "account": account,
        "link": f"{visit.own_address}/reset/{offered.secret}",
    }
    return Html("reset_link.html", values)


async def _send(visit: Visit[Any], email: str) -> None:
    """Send the mail, after the answer; what went wrong is told to the log, without the address."""
    try:
        await visit.services.resets.send(email)
    except (MailFailed, Refusal) as problem:
        log.warning("mail_failed", request_id=visit.exchange.request_id, reason=str(problem))


def _forgot(
    visit: Visit[Any], *, problem: Refusal | None = None, sent_to: str | None = None
) -> Html:
    values = {
        "sends_mail": visit.services.resets.mail is not None,
        "sent_to": sent_to,
        "problem": problem,
        "email": visit.values.get("email", ""),
    }
    return _form_page("forgot.html", values, problem=problem)


async def _reset_page(visit: Visit[Any], *, problem: Refusal | None = None) -> Html:
    secret = visit.path["secret"]
    try:
        person = await visit.services.resets.find(secret)
    except NotFound:
        return _link_is_over()
    values = {"person": person, "secret": secret, "problem": problem}
    return _form_page("reset.html", values, problem=problem)


def _form_page(template: str, values: dict[str, Any], *, problem: Refusal | None) -> Html:
    if problem is None:
        return Html(template, values)
    status, headers = kind_of(problem.code).status, dict(problem.headers)
    return Html(template, values, status=status, headers=headers)


def _link_is_over() -> Html:
    return Html("reset_over.html", status=404)
