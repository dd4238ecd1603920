"""A checkpoint of a log as a signed note, in the form of https://c2sp.org/tlog-checkpoint.

The text is the origin, the number of events, the chain's tip in base64, and when it was signed; a
blank line; and the signature line of https://c2sp.org/signed-note with the installation's Ed25519
key. The tip stands where a Merkle root would: this log is a chain.
"""

import base64
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.ids import OrgId
from packshot.store.export_lines import time_text
from packshot.store.head import Signer

ED25519 = b"\x01"  # the algorithm's byte in signed-note
SIGNER = "packshot"


def origin_of(org_id: OrgId) -> str:
    """What a note is about: the log of one organization."""
    return f"packshot/log/{org_id}"


def checkpoint_note(
    org_id: OrgId, *, position: int, tip: bytes, at: datetime, signer: Signer
) -> str:
    """The signed note of a log that had come to that position and tip then."""
    root = base64.b64encode(tip).decode()
    text = f"{origin_of(org_id)}\n{position}\n{root}\ntime {time_text(at)}\n"
    signed = key_id(signer.public_key) + signer.sign(text.encode())
    return f"{text}\n— {SIGNER} {base64.b64encode(signed).decode()}\n"


def is_signed_note(note: str, public_key: Ed25519PublicKey) -> bool:
    """Whether the note is whole and that key signed it."""
    text, _, lines = note.rpartition("\n\n")
    parts = lines.removesuffix("\n").split(" ")
    if len(parts) != 3 or parts[:2] != ["—", SIGNER]:  # noqa: PLR2004 - the line's three words
        return False
    try:
        raw = base64.b64decode(parts[2], validate=True)
        public_key.verify(raw[4:], f"{text}\n".encode())
    except (InvalidSignature, ValueError):
        return False
    return raw[:4] == key_id(public_key)


def key_id(public_key: Ed25519PublicKey) -> bytes:
    """The four bytes by which a signature line names its key."""
    return sha256(f"{SIGNER}\n".encode() + ED25519 + public_key.public_bytes_raw()).digest()[:4]


def verifier_key(public_key: Ed25519PublicKey) -> str:
    """The key as tools of signed notes take it."""
    material = base64.b64encode(ED25519 + public_key.public_bytes_raw()).decode()
    return f"{SIGNER}+{key_id(public_key).hex()}+{material}"
