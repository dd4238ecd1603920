"""The session's cookie: unreadable to scripts, and on https bound to this very host."""

from quart import Request, Response

from packshot.commands.sessions import LONGEST

_ON_HTTPS = "__Host-session"
_ON_HTTP = "session"


def session_token(request: Request) -> str | None:
    """The text of the request's session; None without one."""
    return request.cookies.get(_name(request)) or None


def set_session(response: Response, request: Request, token: str) -> None:
    """Begin or, with an empty token, end the browser's session."""
    response.set_cookie(
        _name(request),
        token,
        max_age=int(LONGEST.total_seconds()) if token else 0,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _name(request: Request) -> str:
    return _ON_HTTPS if request.is_secure else _ON_HTTP
