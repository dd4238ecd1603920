"""OpenID Connect: where to send a person, and who they are when they come back with a code.

Discovery, keys and codes are asked for through the guarded client alone. What is checked, and why,
stands in OpenID Connect Core 3.1.3.7, RFC 7636 (PKCE), RFC 9207 (``iss``) and RFC 9700 (practice).
"""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from integrations.failures import OutboundFailed
from integrations.http import OutboundClient

DISCOVERY = "/.well-known/openid-configuration"
DEADLINE_S = 10.0
MAX_BYTES = 256 * 1024
KEPT_S = 600.0  # metadata and keys; an unknown key id looks anew, once in KEYS_ANEW_S
KEYS_ANEW_S = 30.0
LEEWAY_S = 60
SUBJECT_MAX_CHARACTERS = 255  # OpenID Connect Core 2
# Signatures by keys that only the provider has. HS256 is missing: its key would be one that others
# know, such as the public one; and "none" is no signature.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
)  # fmt: skip

Trouble = Literal["unreachable", "unusable", "refused"]


class OidcFailed(Exception):
    """A journey to the provider came to nothing; ``why`` is for the log and holds no secret.

    ``unreachable``: it does not answer. ``unusable``: it does not speak OpenID Connect as it must.
    ``refused``: what it said of the person cannot be believed.
    """

    def __init__(self, trouble: Trouble, why: str) -> None:
        super().__init__(f"{trouble}: {why}")
        self.trouble = trouble
        self.why = why


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a person is to a provider: ``subject`` for ever; the rest is what it tells people by."""

    issuer: str
    subject: str = field(repr=False)
    name: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """What the provider and we know of each other."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    redirect_uri: str


@dataclass(slots=True)
class _Kept:
    metadata: Mapping[str, Any] | None = None
    metadata_at: float = 0.0
    keys: Sequence[Mapping[str, Any]] = ()
    keys_at: float = -KEPT_S


class Provider:
    """A provider of identities; ``clock`` counts seconds since 1970."""

    def __init__(
        self,
        client: OutboundClient,
        registered: Registered,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.registered = registered
        self._client = client
        self._clock = clock
        self._kept = _Kept()

    async def address(self, *, state: str, nonce: str, verifier: str, is_fresh: bool) -> str:
        """Where the person goes; ``is_fresh`` has them sign in there anew. Raises OidcFailed."""
        metadata = await self._metadata()
        anew = {"prompt": "login", "max_age": "0"} if is_fresh else {}
        url: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            self.registered.client_id,
            "code",
            redirect_uri=self.registered.redirect_uri,
            scope="openid profile email",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **anew,
        )
        return url

    async def require_issuer(self, told: str | None) -> None:
        """Raise OidcFailed where the answer names another issuer (RFC 9207: a mix-up)."""
        if told is None:
            metadata = await self._metadata()
            if metadata.get("authorization_response_iss_parameter_supported") is True:
                raise OidcFailed("refused", "the answer does not name its issuer")
        elif told != self.registered.issuer:
            raise OidcFailed("refused", "the answer names another issuer")

    async def identify(
        self, code: str, *, nonce: str, verifier: str, signed_in_after: float | None
    ) -> Identity:
        """Who brought the code; raises OidcFailed.

        ``signed_in_after`` is the earliest time at which they may have signed in there.
        """
        token = await self._id_token(code, verifier=verifier)
        claims = await self._verified(token)
        self._require_claims(claims, nonce=nonce)
        if signed_in_after is not None:
            at = claims.get("auth_time")
            if not isinstance(at, int | float) or at < signed_in_after - LEEWAY_S:
                raise OidcFailed("refused", "the person did not sign in anew")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_CHARACTERS:
            raise OidcFailed("unusable", "no subject")
        is_denied = claims.get("email_verified") is False
        return Identity(
            self.registered.issuer,
            subject,
            _text(claims.get("name")),
            "" if is_denied else _text(claims.get("email")),
        )

    def _require_claims(self, claims: Mapping[str, Any], *, nonce: str) -> None:
        registered = self.registered
        options = {
            "iss": {"essential": True, "value": registered.issuer},
            "aud": {"essential": True, "value": registered.client_id},
        }
        params = {"nonce": nonce, "client_id": registered.client_id}
        try:
            CodeIDToken(claims, {}, options, params).validate(
                now=int(self._clock()), leeway=LEEWAY_S
            )
        except (JoseError, TypeError, ValueError) as mistake:
            raise OidcFailed("refused", f"the ID token: {type(mistake).__name__}") from None
        audience = claims["aud"]
        others = set(audience if isinstance(audience, list) else [audience])
        if others != {registered.client_id} and claims.get("azp") != registered.client_id:
            raise OidcFailed("refused", "the ID token is for others too")

    async def _id_token(self, code: str, *, verifier: str) -> str:
        metadata, registered = await self._metadata(), self.registered
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": registered.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" in ways:
            headers["authorization"] = _basic(registered.client_id, registered.client_secret)
        else:
            fields |= {"client_id": registered.client_id, "client_secret": registered.client_secret}
        status, answer = await self._ask(
            "POST", metadata["token_endpoint"], headers, body=urlencode(fields).encode()
        )
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):  # noqa: PLR2004 - RFC 6749, 5.1
            raise OidcFailed("refused", f"the code was answered with {status}")
        return token

    async def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of the provider's own keys has signed."""
        for is_anew in (False, True):
            keys = await self._keys(is_anew=is_anew)
            for key in keys:
                try:
                    key_set = KeySet.import_key_set({"keys": [dict(key)]})
                    return dict(jwt.decode(token, key_set, algorithms=list(ALGORITHMS)).claims)
                except (JoseError, ValueError, TypeError, KeyError):
                    continue
        raise OidcFailed("refused", "no key of the provider has signed the ID token")

    async def _keys(self, *, is_anew: bool) -> Sequence[Mapping[str, Any]]:
        kept, now = self._kept, self._clock()
        if now - kept.keys_at < (KEYS_ANEW_S if is_anew else KEPT_S):
            return kept.keys
        metadata = await self._metadata()
        status, answer = await self._ask("GET", metadata["jwks_uri"], {})
        keys = answer.get("keys")
        if status != 200 or not isinstance(keys, list):  # noqa: PLR2004 - the only good one
            raise OidcFailed("unusable", f"the keys were answered with {status}")
        kept.keys = [key for key in keys if isinstance(key, dict) and key.get("kty") != "oct"]
        kept.keys_at = now
        return kept.keys

    async def _metadata(self) -> Mapping[str, Any]:
        kept, now = self._kept, self._clock()
        if kept.metadata is not None and now - kept.metadata_at < KEPT_S:
            return kept.metadata
        issuer = self.registered.issuer
        status, answer = await self._ask("GET", issuer.rstrip("/") + DISCOVERY, {})
        if status != 200:  # noqa: PLR2004 - OpenID Connect Discovery 4.2
            raise OidcFailed("unusable", f"discovery was answered with {status}")
        if answer.get("issuer") != issuer:
            raise OidcFailed("unusable", "discovery names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _is_endpoint(answer.get(name), issuer):
                raise OidcFailed("unusable", f"discovery has no {name} by https")
        kept.metadata, kept.metadata_at = answer, now
        return answer

    async def _ask(
        self,
        method: Literal["GET", "POST"],
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes = b"",
    ) -> tuple[int, dict[str, Any]]:
        """A status and a JSON object; raises OidcFailed for anything else."""
        try:
            answered = await self._client.ask(
                method,
                url,
                headers={"accept": "application/json", **headers},
                body=body,
                deadline_s=DEADLINE_S,
                max_bytes=MAX_BYTES,
            )
        except OutboundFailed as failed:
            raise OidcFailed("unreachable", failed.reason) from None
        try:
            answer = json.loads(answered.body)
        except (ValueError, RecursionError):
            raise OidcFailed("unusable", "it does not answer in JSON") from None
        if not isinstance(answer, dict):
            raise OidcFailed("unusable", "it does not answer with a JSON object")
        return answered.status, answer


def _is_endpoint(url: object, issuer: str) -> bool:
    """Whether that is an address as safe as the issuer's own."""
    if not isinstance(url, str) or not url.isprintable():
        return False
    try:
        parts, own = urlsplit(url), urlsplit(issuer)
    except ValueError:
        return False
    return bool(parts.hostname) and parts.scheme in {"https", own.scheme}


def _basic(client_id: str, client_secret: str) -> str:
    """RFC 6749, 2.3.1: both are form-encoded before they are put together."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
