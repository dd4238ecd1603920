"""Who may change something: our own pages in the browser of somebody who is signed in.

A browser sends the session's cookie along with whatever page of the world has a form for us. So a
change needs the browser's word that one of our pages asked for it (RFC 6454's Origin, and Fetch
Metadata where the browser has it), and the token that only our pages of this session hold.
"""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from quart import Request

from domain.errors import Forbidden
from domain.ids import OrgId

TOKEN_HEADER = "x-page-token"  # noqa: S105 - a name
TOKEN_FIELD = "pageToken"  # noqa: S105 - a name
OURS = {"same-origin", "none"}


def page_token(session_token: str, org_id: OrgId) -> str:
    """The token that the pages of a session about an organization send with every change.

    A page that was opened before another tab went on to another organization must not change that
    one: its token does not fit any more.
    """
    return hmac.new(session_token.encode(), f"page token {org_id}".encode(), sha256).hexdigest()


def require_own_origin(request: Request, *, public_url: str) -> None:
    """Raise Forbidden for a change that another site asked for, or that does not say who did.

    Ours are the address that was asked and the public one: a proxy may ask by another name.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in OURS:
        raise foreign()
    if origin is None:
        if site is None:
            raise foreign()
        return
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:
        raise foreign() from None
    if netloc != request.host and origin != public_url:
        raise foreign()


def require_page_token(sent: str | None, session_token: str, org_id: OrgId) -> None:
    """Raise Forbidden for a change without the token of its session and organization."""
    expected = page_token(session_token, org_id)
    if sent is None or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise foreign()


def foreign() -> Forbidden:
    """The refusal of a change that did not come from a page of ours."""
    return Forbidden(
        "foreign_origin",
        "This form was not sent by a page of this Packshot that you are signed in to.",
        fix="Open the page here again, and send the form from it.",
    )
