"""Reads the body of a publish: the complete list of pictures that a listing is to have."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from shopbridge.refusals import bad_request

SLOTS = ("main", *(f"pt{number:02d}" for number in range(1, 9)))
SKU_MAX = 100
TEXT_MAX = 500
DIGEST_MAX = 128
REMOTE_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class WantedImage:
    """One place of the list: a picture the shop has (``remote_id``), or one by its hash."""

    slot: str
    remote_id: str | None = None
    sha256: str = ""
    media_type: str = ""
    alt: str = ""
    data: bytes | None = field(default=None, repr=False)

    @property
    def is_honest(self) -> bool:
        """Whether the bytes have the hash that was said."""
        return self.data is None or hashlib.sha256(self.data).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True)
class Wanted:
    """A publish as it was asked for."""

    sku: str
    base_digest: str
    images: tuple[WantedImage, ...]
    is_dry_run: bool


def wanted_of(body: bytes) -> Wanted:
    """Read the JSON of a publish; raises Refused ``bad_request`` that names the place."""
    try:
        read = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON in UTF-8.") from None
    known = ("sku", "baseDigest", "images", "dryRun")
    fields = _object(read, "The body", known=known)
    images = fields.get("images")
    if not isinstance(images, list) or not 1 <= len(images) <= len(SLOTS):
        raise bad_request(f"images must be a list of 1 to {len(SLOTS)}.")
    wanted = tuple(_image(one, f"images[{at}]") for at, one in enumerate(images))
    places = [SLOTS.index(image.slot) for image in wanted]
    if places[0] != 0 or places != sorted(set(places)):
        raise bad_request("images must begin with main, each slot once, in the order of the slots.")
    is_dry_run = fields.get("dryRun", False)
    if not isinstance(is_dry_run, bool):
        raise bad_request("dryRun must be true or false.")
    return Wanted(
        sku=_text(fields, "sku", at="", most=SKU_MAX, least=1),
        base_digest=_text(fields, "baseDigest", at="", most=DIGEST_MAX, least=1),
        images=wanted,
        is_dry_run=is_dry_run,
    )


def _image(read: object, at: str) -> WantedImage:
    known = ("slot", "remoteId", "sha256", "mediaType", "data", "alt")
    fields = _object(read, at, known=known)
    slot = _text(fields, "slot", at=f"{at}.", most=4)
    if slot not in SLOTS:
        raise bad_request(f"{at}.slot must be main or pt01 to pt08.")
    if "remoteId" in fields:
        if fields.keys() - {"slot", "remoteId"}:
            raise bad_request(f"{at} names a remoteId and therefore nothing but a slot beside it.")
        remote_id = _text(fields, "remoteId", at=f"{at}.", most=200)
        if not REMOTE_ID.fullmatch(remote_id):
            raise bad_request(f"{at}.remoteId must be 1 to 200 of A-Z a-z 0-9 . _ ~ -.")
        return WantedImage(slot, remote_id)
    sha256 = _text(fields, "sha256", at=f"{at}.", most=64)
    if not SHA256.fullmatch(sha256):
        raise bad_request(f"{at}.sha256 must be 64 lower-case hex digits.")
    return WantedImage(
        slot,
        sha256=sha256,
        media_type=_text(fields, "mediaType", at=f"{at}.", most=100),
        alt=_text(fields, "alt", at=f"{at}.", most=TEXT_MAX, default=""),
        data=_bytes(fields, at) if "data" in fields else None,
    )


def _object(read: object, at: str, *, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise bad_request(f"{at} must be an object.")
    unknown = sorted(read.keys() - set(known))
    if unknown:
        raise bad_request(f"{at} has the unknown field {unknown[0][:40]!r}.")
    return read


def _text(
    fields: dict[str, Any], name: str, *, at: str, most: int, least: int = 0, default: Any = None
) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str) or not least <= len(value) <= most or CONTROL.search(value):
        raise bad_request(f"{at}{name} must be text of {least} to {most} printable characters.")
    return value


def _bytes(fields: dict[str, Any], at: str) -> bytes:
    try:
        return base64.b64decode(fields["data"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise bad_request(f"{at}.data must be base64.") from None
