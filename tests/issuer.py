"""A provider of identities for tests: OpenID Connect on loopback, which lies when it is told to."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "packshot & co", "canary:secret"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Issuer:
    """A provider with one person; what it says can be changed, for one test at a time.

    ``claims`` change those of the next ID tokens, ``sign`` how they are signed, ``comes_back`` what
    the browser brings back, ``page`` (status, type, body) what every address answers instead.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    comes_back: dict[str, str | None] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    page: tuple[int, str, bytes] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def is_honest_again(self) -> None:
        self.claims, self.comes_back, self.metadata = {}, {}, {}
        self.sign = self.page = None

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to: the person always agrees."""
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url, "session_state": "x"}
        told = {k: v for k, v in (back | self.comes_back).items() if v is not None}
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def token(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The ID token of a code, once, for who proves to be the client and the same browser."""
        asked = self.codes.pop(sent.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        is_client = pair == f"{quote_plus(CLIENT_ID)}:{quote_plus(CLIENT_SECRET)}"
        if (
            asked is None
            or not is_client
            or asked["redirect_uri"] != sent.get("redirect_uri")
            or asked["code_challenge"] != create_s256_code_challenge(sent["code_verifier"])
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url, "sub": "subject-1", "aud": CLIENT_ID, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "name": "Ann of the Issuer", "email": "ann@issuer.example",
            "email_verified": True, "auth_time": now,
        } | self.claims  # fmt: skip
        told = {name: value for name, value in claims.items() if value is not None}
        return 200, {"id_token": (self.sign or signed)(told), "token_type": "Bearer"}


def signed(claims: dict[str, Any]) -> str:
    """As an honest provider signs."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)


def signed_by_nobody(claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def signed_by_another(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, FOREIGN)


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """What a verifier accepts that lets the token choose how it is checked (RFC 8725, 2.1)."""
    public = OctKey.import_key(base64.urlsafe_b64encode(KEY.as_pem(private=False)).decode())
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, public, algorithms=["HS256"])


@contextmanager
def an_issuer() -> Iterator[Issuer]:
    """A running provider."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if issuer.page is not None:
                status, kind, body = issuer.page
                self.answer(status, body, kind)
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("location", issuer.authorize(asked))
                self.send_header("content-length", "0")
                self.end_headers()
            elif parts.path == "/keys":
                self.answer(200, {"keys": [KEY.as_dict(private=False)]})
            else:
                self.answer(200, issuer.configuration())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            if issuer.page is not None:
                status, kind, page = issuer.page
                self.answer(status, page, kind)
            else:
                self.answer(*issuer.token(sent, self.headers["authorization"] or ""))

        def answer(self, status: int, body: Any, kind: str = "application/json") -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
