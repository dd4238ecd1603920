"""A reply as it is kept for repeats, and back: the same status, body and head of the log."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from domain.errors import NotFound
from packshot.edge.contract import Call, Reply
from packshot.edge.files import FileAnswer
from packshot.edge.replies import json_of
from packshot.store.head import LogHead
from packshot.store.idempotency import KeptAnswer

CONTENT_TYPE = "content-type"
REPLAYED = {"idempotency-replayed": "true"}


def written(reply: Reply) -> Reply:
    """The reply with its model as the JSON that is sent, so that what is kept is what was said."""
    return replace(reply, body=json_of(reply.body)) if isinstance(reply.body, BaseModel) else reply


def answer_of(reply: Reply, *, storage_dir: Path) -> KeptAnswer:
    """What is kept of a written reply: of a file only where it lies, of a secret nothing."""
    head, body = reply.head, reply.body
    return KeptAnswer(
        reply.status,
        {**reply.headers, CONTENT_TYPE: reply.media_type},
        body=_without_secrets(body, reply.once) if isinstance(body, bytes) else None,
        file=_reference(body, storage_dir) if isinstance(body, FileAnswer) else None,
        position=None if head is None else head.position,
        tip=None if head is None else head.hash,
    )


def reply_of(answer: KeptAnswer, call: Call[Any]) -> Reply:
    """The kept answer as a reply; raises NotFound when it was a file that is no longer kept."""
    headers = {**answer.headers, **REPLAYED}
    media_type = headers.pop(CONTENT_TYPE)
    head = None
    if answer.position is not None and answer.tip is not None:
        head = LogHead(call.key.org_id, answer.position, answer.tip, call.services.store.signer)
    body: FileAnswer | bytes = answer.body or b""
    if answer.file is not None:
        body = _file_of(answer.file, call.services.settings.storage_dir)
    return Reply(body, answer.status, headers, media_type, head)


def _without_secrets(body: bytes, once: frozenset[str]) -> bytes:
    if not once:
        return body
    members = orjson.loads(body)
    kept = {name: value for name, value in members.items() if name not in once}
    return orjson.dumps(kept | {"secretAlreadyShown": True})


def _reference(file: FileAnswer, storage_dir: Path) -> dict[str, Any]:
    return {
        "path": file.path.relative_to(storage_dir).as_posix(),
        "name": file.name,
        "mediaType": file.media_type,
        "sha256": file.sha256,
        "sizeBytes": file.size_bytes,
    }


def _file_of(reference: Mapping[str, Any], storage_dir: Path) -> FileAnswer:
    path = storage_dir / reference["path"]
    if not path.is_file():
        raise NotFound(
            "not_found",
            "The bytes that this request was answered are no longer kept.",
            fix="Send the request with a new Idempotency-Key.",
        )
    return FileAnswer(
        path,
        name=reference["name"],
        media_type=reference["mediaType"],
        sha256=reference["sha256"],
        size_bytes=reference["sizeBytes"],
    )
