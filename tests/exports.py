"""Exports of logs as bytes, and rows of logs in memory, for tests that change them."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.ids import OrgId
from given import SECRETS
from packshot.commands.audit import Audit
from packshot.store.events import EventStore
from packshot.store.export_lines import Format
from packshot.store.head import Signer
from packshot.store.log_parts import find_part, read_part
from packshot.store.verify_export import ExportVerdict, verify_export

PUBLIC_KEY = Signer(SECRETS.log_signing_seed).public_key


def audit_of(store: EventStore) -> Audit:
    """The use cases of the proof, at a time that stands still."""
    return Audit(store, lambda: datetime(2026, 11, 23, tzinfo=UTC))


async def exported(
    store: EventStore, org_id: OrgId, form: Format = "ndjson", **bounds: int
) -> bytes:
    """The whole export of a log, or of a part of it."""
    audit = audit_of(store)
    part = await audit.part(org_id, **bounds)
    return b"".join([piece async for piece in audit.export(part, form)])


def verdict_on(export: bytes, witnesses: Mapping[int, bytes] | None = None) -> ExportVerdict:
    """What an outsider finds who has the export, the right key and these heads."""
    return verify_export(io.BytesIO(export), PUBLIC_KEY, witnesses or {})


async def rows_of(store: EventStore, org_id: OrgId) -> list[tuple[Any, ...]]:
    """The rows of a log."""
    part = await find_part(store.pools, org_id, store.signer)
    return [tuple(row) async for batch in read_part(store.pools, part) for row in batch]
