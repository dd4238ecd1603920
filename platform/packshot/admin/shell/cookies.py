"""The session's cookie: unreadable to scripts, and on https bound to this very host."""

from typing import TYPE_CHECKING, Any

from quart import Response

from packshot.commands.sessions import LONGEST

if TYPE_CHECKING:
    from packshot.admin.shell.declaring import Visit

SESSION = "session"


def session_token(visit: "Visit[Any]") -> str | None:
    """The text of the request's session; None without one."""
    return cookie(visit, SESSION)


def set_session(response: Response, visit: "Visit[Any]", token: str) -> None:
    """Begin or, with an empty token, end the browser's session."""
    set_cookie(response, visit, SESSION, token, max_age_s=int(LONGEST.total_seconds()))


def cookie(visit: "Visit[Any]", name: str) -> str | None:
    """The text of one of our cookies; None without it."""
    return visit.request.cookies.get(_called(visit, name)) or None


def set_cookie(
    response: Response, visit: "Visit[Any]", name: str, text: str, *, max_age_s: int
) -> None:
    """Leave a text with the browser for so long; an empty one takes the cookie away.

    On https it is ``__Host-``: no neighbour below the same domain can plant it, and it never
    travels in the clear. Lax, because people come back to us by links of others.
    """
    response.set_cookie(
        _called(visit, name),
        text,
        max_age=max_age_s if text else 0,
        path="/",
        secure=visit.is_https,
        httponly=True,
        samesite="Lax",
    )


def _called(visit: "Visit[Any]", name: str) -> str:
    return f"__Host-{name}" if visit.is_https else name
