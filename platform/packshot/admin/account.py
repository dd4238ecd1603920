"""Your account: who one is here, one's password, and the browsers one is signed in at."""

from typing import Annotated, Any

from domain.errors import InvalidInput, Refusal
from domain.ids import SessionId
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.identities import provider_name
from packshot.admin.shell.tries import charge_tries, of_account
from packshot.commands.sessions import no_such_session
from packshot.edge.contract import NoFields
from packshot.edge.fields import Password, Word
from packshot.edge.forms import Form
from packshot.edge.problems import kind_of

PATH = "/account"
DONE = {
    "password": "Your password was changed. Every other browser was signed out.",
    "ended": "That browser is signed out.",
    "linked": "Your account is linked. You can sign in with it from now on.",
    "unlinked": "Your account is unlinked.",
    "others": "Every other browser is signed out.",
}


class AccountForm(Form):
    """What was just done."""

    done: Annotated[str, Word(tuple(DONE))] | None = None


class PasswordForm(Form):
    """The password of today, and the one that is to be."""

    current: Annotated[str, Password()] = ""
    password: Annotated[str, Password()] = ""


@page("GET", PATH, form=AccountForm, is_kept_open=True)
async def show_account(visit: Visit[AccountForm]) -> Html:
    """Show the account and its sessions."""
    done = visit.form.done
    return await _account(visit, done=None if done is None else DONE[done])


@page("POST", PATH + "/password", form=PasswordForm, is_kept_open=True)
async def change_password(visit: Visit[PasswordForm]) -> PageAnswer:
    """Change the password of who knows it, and sign every other browser out."""
    accounts, visitor, form = visit.services.accounts, visit.visitor, visit.form
    try:
        if (await accounts.find(visitor.user_id)).has_password:
            await charge_tries(visit, [of_account(visitor.email)])
            await accounts.require_password(visitor.user_id, form.current)
        elif not visit.services.sessions.is_proven(visitor):
            raise _signed_in_long_ago()
        await accounts.change_password(visitor.user_id, form.password, keep=visitor.session_id)
    except Refusal as refusal:
        return await _account(visit, problem=refusal)
    assert visit.token is not None
    token = await visit.services.sessions.rotate(visit.token, visitor)
    return Redirect(f"{PATH}?done=password", token=token)


@page("POST", PATH + "/sessions/{sessionId}/end", is_kept_open=True)
async def end_session(visit: Visit[NoFields]) -> Redirect:
    """Sign one of one's browsers out; this very one is asked to sign in."""
    try:
        session_id = SessionId.parse(visit.path["sessionId"])
    except ValueError:
        raise no_such_session() from None
    await visit.services.sessions.end_one(visit.visitor.user_id, session_id)
    return Redirect(f"{PATH}?done=ended")


@page("POST", PATH + "/sessions/end-others", is_kept_open=True)
async def end_others(visit: Visit[NoFields]) -> Redirect:
    """Sign every browser out but this one."""
    await visit.services.sessions.end_others(visit.visitor)
    return Redirect(f"{PATH}?done=others")


async def _account(
    visit: Visit[Any], *, done: str | None = None, problem: Refusal | None = None
) -> Html:
    user_id = visit.visitor.user_id
    values = {
        "account": await visit.services.accounts.find(user_id),
        "provider": provider_name(visit),
        "identities": await visit.services.identities.of(user_id),
        "sessions": await visit.services.sessions.of(user_id),
        "done": done,
        "problem": problem,
    }
    if problem is None:
        return Html("account.html", values)
    status, headers = kind_of(problem.code).status, dict(problem.headers)
    return Html("account.html", values, status=status, headers=headers)


def _signed_in_long_ago() -> InvalidInput:
    return InvalidInput(
        "invalid_parameter",
        "A first password is set within ten minutes of signing in.",
        fix="Sign out, sign in again, and set it then.",
    )
