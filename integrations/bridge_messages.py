"""What a bridge may say, checked before anybody believes it (docs/bridge.md, version 1).

A stranger's words are data: of the right type, no longer than agreed, without control characters.
"""

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from integrations.channel import CatalogItem, Issue, RemoteImage, Unreadable

TEXT_MAX_CHARACTERS = 500
URL_MAX_CHARACTERS = 2048
SIDE_MAX_PX = 100_000
# Control characters, those that turn the direction of text around, and half characters.
NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
MEND = "Check the address; if it is the bridge's, look into the bridge's own log."


def plain_text(text: str) -> str:
    """A text of a stranger in one line, cut to ``TEXT_MAX_CHARACTERS``."""
    text = NOT_TEXT.sub(" ", text).strip()
    return text if len(text) <= TEXT_MAX_CHARACTERS else text[: TEXT_MAX_CHARACTERS - 1] + "…"


def _no_control(text: str) -> str:
    if NOT_TEXT.search(text):
        raise ValueError("holds control characters")
    return text


def _web_address(text: str) -> str:
    if NOT_TEXT.search(text) or not text.isprintable():
        raise ValueError("holds control characters")
    if not text.startswith("/") and urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("is neither an http address nor a path")
    return text


def _in_utc(at: datetime) -> datetime:
    """The same moment in UTC: Postgres refuses offsets of 16 hours and more, which Python reads."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies beyond the years 1 to 9999") from None


Words = Annotated[str, AfterValidator(plain_text)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_no_control)]
Sku = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_no_control)]
Digest = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_no_control)]
RemoteId = Annotated[str, Field(pattern=r"\A[A-Za-z0-9._~-]{1,200}\z")]
Cursor = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_no_control)]
Address = Annotated[str, Field(max_length=URL_MAX_CHARACTERS), AfterValidator(_web_address)]
Slot = Annotated[str, Field(pattern=r"\A(main|pt0[1-8])\z")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Side = Annotated[StrictInt, Field(ge=1, le=SIDE_MAX_PX)]


class Message(BaseModel):
    """Something that a bridge said; fields that nobody knows are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class ImageMessage(Message):
    """A picture of a listing; in a dry run a new one has neither id nor address yet."""

    remote_id: RemoteId | None
    slot: Slot
    url: Address | None
    width: Side
    height: Side
    bytes: Annotated[StrictInt, Field(ge=0, le=2**40)]
    sha256: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    alt: Words

    def as_image(self) -> RemoteImage:
        """The picture as the port knows it."""
        return RemoteImage(
            remote_id=self.remote_id or "",
            slot=self.slot,
            url=self.url or "",
            alt=self.alt,
            width=self.width,
            height=self.height,
            size=self.bytes,
            sha256=self.sha256,
        )


Images = Annotated[list[ImageMessage], Field(min_length=1, max_length=9)]


class StoredImageMessage(ImageMessage):
    """A picture that the shop has."""

    remote_id: RemoteId
    url: Address


class ItemMessage(Message):
    """A listing."""

    sku: Sku
    title: Words
    url: Address | None
    updated_at: Moment
    digest: Digest
    images: Annotated[list[StoredImageMessage], Field(min_length=1, max_length=9)]

    def as_item(self) -> CatalogItem:
        """The listing as the port knows it."""
        return CatalogItem(
            remote_id=self.sku,
            sku=self.sku,
            title=self.title,
            url=self.url,
            updated_at=self.updated_at,
            images=tuple(image.as_image() for image in self.images),
            images_digest=self.digest,
            raw_digest=sha256(self.model_dump_json().encode()).hexdigest(),
        )


class HealthMessage(Message):
    """Who answers there."""

    name: Name
    account: Name
    version: Annotated[str, Field(max_length=40), AfterValidator(_no_control)]


class CatalogMessage(Message):
    """A page of the catalog."""

    items: Annotated[list[ItemMessage], Field(max_length=100)]
    next_cursor: Cursor | None


class IssueMessage(Message):
    """What the shop has against a picture."""

    code: Words
    message: Words
    slot: Words | None = None

    def as_issue(self) -> Issue:
        """The issue as the port knows it."""
        return Issue(self.code, self.message, self.slot)


Issues = Annotated[list[IssueMessage], Field(max_length=100)]


class PublishMessage(Message):
    """A publish and what became of it; ``publish_id`` is None of a dry run."""

    publish_id: Name | None
    status: Literal["live", "pending", "rejected"]
    before: Images
    after: Images
    digest: Digest
    issues: Issues = Field(default_factory=list)


class RefusalMessage(Message):
    """Why a bridge refused; ``digest`` is the listing's of today where it has drifted."""

    code: Words = ""
    message: Words = ""
    digest: Digest | None = None
    issues: Issues = Field(default_factory=list)


M = TypeVar("M", bound=Message)


def read_message(kind: type[M], body: bytes) -> M:
    """The message of an answer's body; raises Unreadable, which names the place and no content."""
    said: Any
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        what = "a web page" if body.lstrip()[:1] == b"<" else "no JSON"
        raise Unreadable(f"The bridge answered {what} instead of JSON.", fix=MEND) from None
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the answer"
        why = plain_text(first["msg"])
        raise Unreadable(
            f"The bridge answered something else than its protocol says; {place}: {why}.", fix=MEND
        ) from None


def read_refusal(body: bytes) -> RefusalMessage:
    """The refusal of an answer's body; an empty one where it says nothing that can be read."""
    try:
        return read_message(RefusalMessage, body)
    except Unreadable:
        return RefusalMessage.model_validate({})
