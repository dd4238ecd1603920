"""Signing in through a provider of identities: journeys to it, and what each was begun for.

An account belongs to an identity by (issuer, subject) alone. The first link is made by who is
signed in already, or together with the account by an invite: an address that the provider tells,
verified or not, takes over nobody's account.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from urllib.parse import urlsplit

import structlog

from domain.errors import Conflict, InvalidInput, NotFound, Refusal, Unauthenticated, Unavailable
from domain.ids import UserId
from domain.user import INSTALLATION, User
from integrations.http import OutboundClient
from integrations.oidc import Identity, OidcFailed, Provider, Registered
from packshot.commands.accounts import of_themselves
from packshot.commands.people import Joined, People
from packshot.config import Settings
from packshot.store import identities as rows
from packshot.store import people as people_rows
from packshot.store.claims import Taken
from packshot.store.events import EventStore
from projections.memberships import find_places

Purpose = Literal["sign-in", "join", "link", "prove"]
JOURNEY_LIFE = timedelta(minutes=10)
SECRET_BYTES = 32

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Departure:
    """A journey that begins: where to, and the text that this browser must bring back."""

    address: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A journey that ended well: who came, and what it was for."""

    identity: Identity
    journey: rows.Journey


@dataclass(frozen=True, slots=True)
class Identities:
    """The use cases of identities; ``provider`` is None where the installation has none."""

    store: EventStore
    people: People
    clock: Callable[[], datetime]
    provider: Provider | None

    async def of(self, user_id: UserId) -> list[rows.Linked]:
        """The identities that a person has linked."""
        async with self.store.pools.reading(INSTALLATION) as connection:
            return await rows.list_identities(connection, user_id)

    async def set_out(
        self,
        purpose: Purpose,
        *,
        going_on: str,
        user_id: UserId | None = None,
        link: str | None = None,
        act: bytes | None = None,
    ) -> Departure:
        """Begin a journey; raises Unavailable (oidc_failed), NotFound without a provider."""
        provider = self._provider()
        state, browser = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(2))
        now = self.clock()
        journey = rows.Journey(
            purpose=purpose,
            user_id=user_id,
            link_hash=None if link is None else _hash(link),
            going_on=going_on,
            act=act,
            started_at=now,
            expires_at=now + JOURNEY_LIFE,
        )
        try:
            address = await provider.address(
                state=state,
                nonce=_derived(browser, "nonce", state),
                verifier=_derived(browser, "verifier", state),
                is_fresh=purpose == "prove",
            )
        except OidcFailed as failed:
            raise self._refused(failed) from None
        async with self.store.pools.writing() as connection:
            await rows.add_journey(
                connection, journey, state_hash=_hash(state), browser_hash=_hash(browser)
            )
        return Departure(address, browser)

    async def arrive(
        self, browser: str | None, state: str, *, code: str | None, issuer: str | None
    ) -> Arrival:
        """End a journey of that browser, once; raises Unauthenticated (oidc_refused).

        ``code`` is None where the provider said no. Raises Unavailable where it does not answer.
        """
        provider = self._provider()
        journey = None
        if browser is not None:
            async with self.store.pools.writing() as connection:
                journey = await rows.end_journey(
                    connection, state_hash=_hash(state), browser_hash=_hash(browser)
                )
        if journey is None or browser is None or self.clock() >= journey.expires_at:
            raise oidc_refused("This journey was not begun by this browser, or it is over.")
        try:
            await provider.require_issuer(issuer)
            if code is None:
                raise OidcFailed("refused", "the provider said no")  # noqa: TRY301 - told alike
            identity = await provider.identify(
                code,
                nonce=_derived(browser, "nonce", state),
                verifier=_derived(browser, "verifier", state),
                signed_in_after=(
                    journey.started_at.timestamp() if journey.purpose == "prove" else None
                ),
            )
        except OidcFailed as failed:
            raise self._refused(failed) from None
        return Arrival(identity, journey)

    async def sign_in(self, identity: Identity) -> Joined:
        """The person of that identity and where they belong; raises Unauthenticated for nobody."""
        async with self.store.pools.reading(INSTALLATION) as connection:
            owner = await rows.find_owner(
                connection, issuer=identity.issuer, subject=identity.subject
            )
            if owner is None:
                raise self._nobodys()
            found = await people_rows.find_people(connection, [owner.uuid])
            places = await find_places(connection, owner)
        if owner not in found or found[owner].disabled_at is not None or not places:
            raise self._nobodys()
        return Joined(owner, places[0].org_id)

    async def join(self, identity: Identity, link_hash: bytes) -> Joined:
        """Take in the person of that identity by an invite: with a new account where they had none.

        Raises Conflict for an address that has an account already, NotFound for a link that is
        over, InvalidInput where the provider tells no name or no address.
        """
        async with self.store.pools.reading(INSTALLATION) as connection:
            owner = await rows.find_owner(
                connection, issuer=identity.issuer, subject=identity.subject
            )
        if owner is not None:
            await self.sign_in_allowed(owner)
            return await self.people.join_by(link_hash, owner)
        try:
            return await self.people.join_anew(
                link_hash,
                name=identity.name or identity.email.partition("@")[0],
                email=identity.email,
                identity=self._linked(identity),
            )
        except InvalidInput:
            raise InvalidInput(
                "invalid_parameter",
                f"{self._name()} tells no name or no e-mail address that can be used here.",
                fix="Join with a password, then link it on the page Your account.",
            ) from None

    async def sign_in_allowed(self, user_id: UserId) -> None:
        """Raise Unauthenticated for a person who is kept out."""
        async with self.store.pools.reading(INSTALLATION) as connection:
            found = await people_rows.find_people(connection, [user_id.uuid])
        if user_id not in found or found[user_id].disabled_at is not None:
            raise self._nobodys()

    async def link(self, user_id: UserId, identity: Identity) -> None:
        """Let a person sign in by that identity too; raises Conflict (already_connected)."""
        async with self.store.together() as unit:
            try:
                await rows.add_identity(await unit.connection(), user_id, self._linked(identity))
            except Taken:
                raise Conflict(
                    "already_connected",
                    f"This account of {self._name()} is linked already, to yours or another one.",
                    fix="Sign in with it to see to which, or use another one.",
                ) from None
            await self.store.change(
                of_themselves(user_id),
                User,
                stream_id=user_id.uuid,
                verb=lambda user: user.link_oidc(identity.issuer),
            )

    async def unlink(self, user_id: UserId, issuer: str, *, has_password: bool) -> None:
        """End it; raises Conflict (already_terminal) for the only way a person has in."""
        if not has_password:
            raise Conflict(
                "already_terminal",
                "This is the only way you can sign in.",
                fix="Set a password first, on this page.",
            )
        async with self.store.together() as unit:
            await rows.remove_identity(await unit.connection(), user_id, issuer=issuer)
            await self.store.change(
                of_themselves(user_id),
                User,
                stream_id=user_id.uuid,
                verb=lambda user: user.unlink_oidc(issuer),
            )

    async def require_same(self, user_id: UserId, identity: Identity) -> None:
        """Raise Unauthenticated where that is another person."""
        async with self.store.pools.reading(INSTALLATION) as connection:
            owner = await rows.find_owner(
                connection, issuer=identity.issuer, subject=identity.subject
            )
        if owner != user_id:
            raise oidc_refused("You came back as somebody else.")

    def _linked(self, identity: Identity) -> rows.Linked:
        label = identity.email or identity.name or identity.subject
        return rows.Linked(identity.issuer, identity.subject, label, self.clock())

    def _provider(self) -> Provider:
        if self.provider is None:
            raise NotFound(
                "not_found",
                "This Packshot knows no provider of identities.",
                fix="Sign in with your password.",
            )
        return self.provider

    def _name(self) -> str:
        return "The provider" if self.provider is None else self.provider.registered.name

    def _nobodys(self) -> Unauthenticated:
        return Unauthenticated(
            "sign_in_failed",
            f"Nobody who may sign in here is linked to this account of {self._name()}.",
            fix="Sign in with your password and link it on the page Your account, or open the "
            "link of an invite and join with it.",
        )

    def _refused(self, failed: OidcFailed) -> Refusal:
        log.warning("oidc_failed", trouble=failed.trouble, why=failed.why)
        if failed.trouble == "refused":
            return oidc_refused(f"{self._name()} did not say who you are in a way that counts.")
        said = "does not answer" if failed.trouble == "unreachable" else "answers as it must not"
        return Unavailable(
            "oidc_failed",
            f"{self._name()} {said}, so nobody can sign in with it at the moment.",
            fix="Try again in a while, or sign in with your password.",
        )


def provider_of(settings: Settings, outbound: OutboundClient) -> Provider | None:
    """The provider that the settings name; None where they name none."""
    issuer = settings.oidc_issuer
    if issuer is None:
        return None
    registered = Registered(
        issuer=issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        name=settings.oidc_name or urlsplit(issuer).hostname or issuer,
        redirect_uri=f"{settings.public_url}/sign-in/oidc/callback",
    )
    return Provider(outbound, registered)


def oidc_refused(detail: str) -> Unauthenticated:
    """The refusal of a journey whose end cannot be believed."""
    return Unauthenticated("oidc_refused", detail, fix="Begin again from the page of signing in.")


def _derived(browser: str, purpose: str, state: str) -> str:
    """A text that only who holds the browser's cookie can know: nothing of it is stored."""
    digest = hmac.digest(browser.encode(), f"{purpose} {state}".encode(), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()
