"""Before rights are handed out: whoever signed in some minutes ago says again who they are.

A browser left open, or a session's text that was stolen, makes no key and no owner. The question
comes between the act and its deed: what was typed waits, sealed, and the act then goes on.
"""

import re
from typing import Any

from domain.errors import Refusal
from packshot.admin.shell.answers import Html
from packshot.admin.shell.declaring import Visit
from packshot.admin.shell.identities import provider_name
from packshot.admin.shell.sealing import as_text, of_text, opened, sealed
from packshot.admin.shell.tries import charge_tries, of_account
from packshot.edge.problems import kind_of

ACT_FIELD = "proofAct"
PASSWORD_FIELD = "proofPassword"  # noqa: S105 - a name
TARGET = re.compile(r"[\w-]+")


async def asked_for_proof(visit: Visit[Any], values: dict[str, object]) -> Html | None:
    """The page that asks who it is, or None where it is known; ``values`` are then the act's.

    Whoever answers right is asked no more for ten minutes.
    """
    assert visit.token is not None
    act = f"{visit.request.method} {visit.exchange.path}"
    waiting, password = values.pop(ACT_FIELD, None), values.pop(PASSWORD_FIELD, None)
    if isinstance(waiting, str):
        fields = opened(of_text(waiting), visit.token, act=act)
        values.clear()
        values.update(fields)
    if visit.services.sessions.is_proven(visit.visitor):
        return None
    if not isinstance(password, str):
        return await _question(visit, sealed(values, visit.token, act=act))
    try:
        await charge_tries(visit, [of_account(visit.visitor.email)])
        await visit.services.accounts.require_password(visit.visitor.user_id, password)
    except Refusal as refusal:
        if kind_of(refusal.code).status >= 500:  # noqa: PLR2004 - not about who it is
            raise
        return await _question(visit, sealed(values, visit.token, act=act), problem=refusal)
    await visit.services.sessions.prove(visit.token)
    return None


async def _question(visit: Visit[Any], seal: bytes, *, problem: Refusal | None = None) -> Html:
    path = visit.exchange.path
    values = {
        "act": as_text(seal),
        "path": path,
        "back": f"/{path.split('/')[1]}",
        "target": _target(visit),
        "problem": problem,
        "account": await visit.services.accounts.find(visit.visitor.user_id),
        "provider": provider_name(visit),
        "identities": await visit.services.identities.of(visit.visitor.user_id),
    }
    template = "confirm_part.html" if visit.is_fragment else "confirm.html"
    if problem is None:
        return Html(template, values, status=403)
    return Html(
        template, values, status=kind_of(problem.code).status, headers=dict(problem.headers)
    )


def _target(visit: Visit[Any]) -> str | None:
    """The id of the element that the act's answer was to be shown in; a script says it."""
    named = visit.request.headers.get("hx-target", "").rpartition("#")[2]
    return named if TARGET.fullmatch(named) else None
