"""One publish from its request to its end: judged, answered once per key, undone by another."""

import hashlib
import json
import secrets
import sqlite3
import time
from dataclasses import dataclass
from http import HTTPStatus

from shopbridge import store
from shopbridge.pictures import issue_of, picture_of
from shopbridge.refusals import Refused
from shopbridge.store import Json, Store
from shopbridge.wanted import Wanted, WantedImage, wanted_of


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to publish whose signature was right."""

    body: bytes
    webhook_id: str
    idempotency_key: str


class Publisher:
    """Publishes to one shop; with a review every publish is pending for ``review_s`` seconds."""

    def __init__(self, shop: Store, *, review_s: float, is_told: bool) -> None:
        """``is_told`` says that the end of a pending publish is called back."""
        self._shop = shop
        self._review_s = review_s
        self._is_told = is_told

    def publish(self, asked: Asked) -> Json:
        """Answer a publish, having done it; raises Refused, having done nothing."""
        wanted = wanted_of(asked.body)
        if wanted.is_dry_run:
            with self._shop.reading() as db:
                return self._judged(db, wanted)
        if not (0 < len(asked.idempotency_key) <= 200 and _is_plain(asked.idempotency_key)):  # noqa: PLR2004
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "bad_request",
                "A publish needs the header Idempotency-Key: 1 to 200 printable ASCII characters.",
            )
        with self._shop.writing() as db:
            answer = _answered_before(db, asked)
            return answer if answer is not None else self._done(db, wanted, asked)

    def read(self, publish_id: str) -> Json:
        """A publish as it stands now; raises Refused."""
        with self._shop.reading() as db:
            row = db.execute(
                "SELECT state FROM publish WHERE publish_id = ?", (publish_id,)
            ).fetchone()
        if row is None:
            raise Refused(HTTPStatus.NOT_FOUND, "unknown_publish", "There is no such publish.")
        state: Json = json.loads(row["state"])
        return state

    def end_due(self) -> None:
        """End every pending publish whose review is over."""
        with self._shop.reading() as db:
            due = db.execute(
                "SELECT publish_id FROM publish WHERE ends_at <= ?", (time.time(),)
            ).fetchall()
        for row in due:
            self.end(row["publish_id"], refusal=None)

    def end(self, publish_id: str, *, refusal: str | None) -> bool:
        """End one pending publish, live or refused with a sentence; False where none is pending."""
        with self._shop.writing() as db:
            row = db.execute(
                "SELECT * FROM publish WHERE publish_id = ? AND ends_at IS NOT NULL", (publish_id,)
            ).fetchone()
            if row is not None:
                self._end(db, row, refusal=refusal)
            return row is not None

    def _done(self, db: sqlite3.Connection, wanted: Wanted, asked: Asked) -> Json:
        answer = self._judged(db, wanted)
        for one in wanted.images:
            if one.remote_id is None:
                store.keep(db, one.data, sha256=one.sha256, alt=one.alt)
        after = [_kept(db, one) for one in wanted.images]
        is_pending = answer["status"] == "pending"
        answer |= {"publishId": "pub_" + secrets.token_hex(13), "after": after}
        if not is_pending:
            answer["digest"] = store.digest_of(after)
            if answer["digest"] != wanted.base_digest:
                store.show(db, wanted.sku, after)
        text = json.dumps(answer)
        db.execute(
            "INSERT INTO publish VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                answer["publishId"],
                asked.idempotency_key,
                asked.webhook_id,
                hashlib.sha256(asked.body).hexdigest(),
                wanted.sku,
                text,
                text,
                wanted.base_digest,
                time.time() + self._review_s if is_pending else None,
            ),
        )
        return answer

    def _judged(self, db: sqlite3.Connection, wanted: Wanted) -> Json:
        """What a publish would answer, before anything is written; raises Refused."""
        listing = store.item(db, wanted.sku)
        if listing is None:
            raise unknown_sku()
        pending = db.execute(
            "SELECT publish_id FROM publish WHERE sku = ? AND ends_at IS NOT NULL", (wanted.sku,)
        ).fetchone()
        if pending is not None:
            raise Refused(
                HTTPStatus.CONFLICT,
                "publish_pending",
                "Another publish of this SKU is pending.",
                publishId=pending["publish_id"],
            )
        if listing["digest"] != wanted.base_digest:
            raise Refused(
                HTTPStatus.CONFLICT,
                "drifted",
                "The listing is not the one that the publish was made from.",
                digest=listing["digest"],
            )
        _require_fit(db, wanted)
        after = [_foreseen(db, one) for one in wanted.images]
        digest = store.digest_of(
            [{"slot": one.slot, "remoteId": _remote_id(one)} for one in wanted.images]
        )
        is_pending = self._review_s > 0 and digest != listing["digest"]
        return {
            "publishId": None,
            "sku": wanted.sku,
            "status": "pending" if is_pending else "live",
            "before": listing["images"],
            "after": after,
            "digest": listing["digest"] if is_pending else digest,
            "issues": [],
        }

    def _end(self, db: sqlite3.Connection, row: sqlite3.Row, *, refusal: str | None) -> None:
        state = json.loads(row["state"])
        listing = store.item(db, row["sku"])
        assert listing is not None  # listings are never removed
        issues = [{"code": "refused", "message": refusal, "slot": "main"}] if refusal else []
        if listing["digest"] != row["base_digest"]:
            message = "The listing changed while the publish was pending."
            issues.append({"code": "drifted", "message": message, "slot": "main"})
        if not issues:
            store.show(db, row["sku"], state["after"])
        digest = listing["digest"] if issues else store.digest_of(state["after"])
        state |= {
            "status": "rejected" if issues else "live",
            "issues": issues,
            "digest": digest,
        }
        db.execute(
            "UPDATE publish SET state = ?, ends_at = NULL WHERE publish_id = ?",
            (json.dumps(state), row["publish_id"]),
        )
        if self._is_told:
            body = json.dumps({"type": f"publish.{state['status']}", "data": state}).encode()
            db.execute(
                "INSERT INTO callback VALUES (?, ?, 0, ?)",
                ("msg_" + secrets.token_hex(13), body, time.time()),
            )


def unknown_sku() -> Refused:
    """The refusal of a SKU that the shop does not have."""
    return Refused(HTTPStatus.NOT_FOUND, "unknown_sku", "There is no such listing.")


def _answered_before(db: sqlite3.Connection, asked: Asked) -> Json | None:
    """The first answer of the same key; raises Refused for a key or an id of another request."""
    row = db.execute(
        "SELECT answered, body_sha256 FROM publish WHERE idempotency_key = ?",
        (asked.idempotency_key,),
    ).fetchone()
    if row is None:
        used = "SELECT 1 FROM publish WHERE webhook_id = ?"
        if db.execute(used, (asked.webhook_id,)).fetchone():
            message = "This webhook-id came with another Idempotency-Key."
            raise Refused(HTTPStatus.UNAUTHORIZED, "webhook_id_reused", message)
        return None
    if row["body_sha256"] != hashlib.sha256(asked.body).hexdigest():
        message = "This Idempotency-Key belongs to a publish with another body."
        raise Refused(HTTPStatus.CONFLICT, "idempotency_key_reused", message)
    answer: Json = json.loads(row["answered"])
    return answer


def _require_fit(db: sqlite3.Connection, wanted: Wanted) -> None:
    found = [(one.slot, _issue(db, one)) for one in wanted.images]
    issues = [
        {"code": issue[0], "message": issue[1], "slot": slot} for slot, issue in found if issue
    ]
    if issues:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "picture_refused",
            "The shop does not take every picture.",
            issues=issues,
        )


def _issue(db: sqlite3.Connection, one: WantedImage) -> tuple[str, str] | None:
    if one.remote_id is not None:
        is_known = store.image(db, one.remote_id, one.slot) is not None
        return None if is_known else ("unknown_remote_id", "The shop has no such picture.")
    if not one.is_honest:
        return "sha256_mismatch", "The bytes have another hash than sha256 says."
    had = store.content(db, one.sha256)
    if had is not None:
        is_same = had["media_type"] == one.media_type
        return None if is_same else ("media_type_refused", f"These bytes are {had['media_type']}.")
    if one.data is None:
        return "data_missing", "The shop does not have these bytes; send them as data."
    return issue_of(one.data, one.media_type)


def _foreseen(db: sqlite3.Connection, one: WantedImage) -> Json:
    """An image as it will be; without id and address where it is not there yet."""
    known = store.image(db, _remote_id(one), one.slot)
    if known is not None:
        return known
    had = store.content(db, one.sha256)
    size = had or _measured(one)
    return {
        "remoteId": None,
        "slot": one.slot,
        "url": None,
        "width": size["width"],
        "height": size["height"],
        "bytes": size["bytes"],
        "sha256": one.sha256,
        "alt": one.alt,
    }


def _measured(one: WantedImage) -> Json:
    picture = picture_of(one.data or b"")
    assert picture is not None  # judged before
    return {"width": picture.width, "height": picture.height, "bytes": len(one.data or b"")}


def _kept(db: sqlite3.Connection, one: WantedImage) -> Json:
    kept = store.image(db, _remote_id(one), one.slot)
    assert kept is not None  # kept in this transaction, or judged as known
    return kept


def _remote_id(one: WantedImage) -> str:
    return one.remote_id or store.remote_id_of(one.sha256, one.alt)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
