"""An export proves itself: whatever is changed in it, whoever verifies it sees."""

import asyncio
import csv
import io
import json

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import InvalidInput
from domain.ids import OrgId
from exports import PUBLIC_KEY, audit_of, exported, rows_of, verdict_on
from given import context, founded, requested_job
from makers import an_output
from packshot.store import log_parts
from packshot.store.codec import genesis
from packshot.store.events import EventStore
from packshot.store.export_lines import Format, Writer
from packshot.store.export_reading import _members, read_export
from packshot.store.head import read_public_key
from packshot.store.pool import Pools
from packshot.store.verify_export import verify_export

FORMATS: list[Format] = ["ndjson", "csv"]
STRANGE = '😀 =1+1 "quoted" \\ \' , ; \u2028 \r\n\t \x7f ｅ̈ 你好 \U0010ffff'


@pytest.fixture
async def log(store: EventStore) -> OrgId:
    """A log of appends of one and of several events, beside another organization's."""
    await founded(store, "Other")
    org_id = await founded(store, "Acme")
    for number in range(4):
        job = requested_job(sku=f"SKU-{number}")
        if number % 2:
            job.start()
            job.succeed([an_output()], cached=False)
        await store.save(context(org_id), job)
    return org_id


@pytest.mark.parametrize("form", FORMATS)
async def test_an_export_holds_and_leads_to_the_signed_head(
    store: EventStore, log: OrgId, form: Format
) -> None:
    verdict = verdict_on(await exported(store, log, form))

    part = await audit_of(store).part(log)
    assert (verdict.valid, verdict.org_id, verdict.after, verdict.events) == (True, log, 0, 9)
    assert verdict.head == str(part.head)


async def test_every_value_of_an_event_comes_back_from_both_formats(
    store: EventStore, log: OrgId
) -> None:
    rows = await rows_of(store, log)

    for form in FORMATS:
        file = io.BytesIO(await exported(store, log, form))
        assert [line for _, line in read_export(file) if isinstance(line, tuple)] == rows


async def test_a_line_is_what_docs_say(store: EventStore, log: OrgId) -> None:
    begin, first, *_, end = map(json.loads, (await exported(store, log)).splitlines())

    assert begin["begin"] | {"exportedAt": ""} == {
        "format": "packshot log export v1",
        "orgId": str(log),
        "tenantId": str(log.uuid),
        "after": 0,
        "tip": genesis(log.uuid).hex(),
        "until": None,
        "exportedAt": "",
    }
    assert list(first) == [
        "position", "streamId", "version", "eventId", "type", "at", "data", "meta", "hash"
    ]  # fmt: skip
    assert json.loads(first["data"])["name"] == "Acme"
    assert end["end"]["events"] == 9


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("bounds", [{"after": 4}, {"until": 4}, {"after": 4, "until": 4}])
async def test_a_part_holds_whole_appends(
    store: EventStore, log: OrgId, form: Format, bounds: dict[str, int]
) -> None:
    """Positions 3 to 5 are one append."""
    verdict = verdict_on(await exported(store, log, form, **bounds))

    first, last = (2 if "after" in bounds else 0), (5 if "until" in bounds else 9)
    assert (verdict.valid, verdict.after, verdict.events) == (True, first, last - first)


async def test_a_part_after_the_newest_event_is_empty_and_holds(
    store: EventStore, log: OrgId
) -> None:
    verdict = verdict_on(await exported(store, log, after=9))

    assert (verdict.valid, verdict.after, verdict.events) == (True, 9, 0)


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"after": 10}, "after_out_of_range"),
        ({"until": 10}, "until_out_of_range"),
        ({"until": 0}, "until_out_of_range"),
        ({"after": 5, "until": 4}, "until_out_of_range"),
    ],
)
async def test_positions_that_the_log_does_not_have_are_refused(
    store: EventStore, log: OrgId, bounds: dict[str, int], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await exported(store, log, **bounds)

    assert refused.value.code == code


async def test_an_organization_without_events_has_an_export_that_holds(
    store: EventStore, pools: Pools
) -> None:
    org_id = OrgId.new()
    async with pools.writing() as connection:
        await connection.execute(
            "INSERT INTO es.tenant_head (tenant_id, hash) VALUES ($1, $2)",
            org_id.uuid,
            genesis(org_id.uuid),
        )

    verdict = verdict_on(await exported(store, org_id))

    assert (verdict.valid, verdict.events) == (True, 0)


@pytest.mark.parametrize("form", FORMATS)
async def test_an_export_cut_anywhere_is_seen_to_be_cut(
    store: EventStore, log: OrgId, form: Format
) -> None:
    export = await exported(store, log, form)
    # Without the last line break everything is there.
    unnoticed = [n for n in range(len(export.rstrip())) if verdict_on(export[:n]).valid]

    assert unnoticed == []


@pytest.mark.parametrize("form", FORMATS)
async def test_a_line_left_out_repeated_or_exchanged_is_found(
    store: EventStore, log: OrgId, form: Format
) -> None:
    lines = (await exported(store, log, form)).splitlines(keepends=True)
    changed = [
        *(lines[:n] + lines[n + 1 :] for n in range(len(lines))),
        *([*lines[:n], lines[n], *lines[n:]] for n in range(len(lines))),
        *(
            [*lines[:n], lines[m], *lines[n + 1 : m], lines[n], *lines[m + 1 :]]
            for m in range(len(lines))
            for n in range(m)
        ),
        [*lines, lines[1]],
        [*lines, *lines],
    ]

    assert verdict_on(b"".join(lines)).valid
    assert [n for n, lines in enumerate(changed) if verdict_on(b"".join(lines)).valid] == []


@pytest.mark.parametrize("form", FORMATS)
async def test_every_flipped_bit_of_an_export_is_found_or_changes_no_value(
    store: EventStore, log: OrgId, form: Format
) -> None:
    """Quotes that are not needed, or a space in JSON: the values are what was appended."""
    export = bytearray(await exported(store, log, form, until=1))
    values = [line for _, line in read_export(io.BytesIO(bytes(export)))]
    unnoticed = []
    for bit in range(len(export) * 8):
        export[bit // 8] ^= 1 << bit % 8
        if verdict_on(bytes(export)).valid:
            unnoticed.append(bytes(export))
        export[bit // 8] ^= 1 << bit % 8

    told = [
        [line for _, line in read_export(io.BytesIO(changed))][1:] == values[1:]
        for changed in unnoticed
    ]
    assert all(told)
    assert len(unnoticed) < 8 * 27  # the time of the export, which nothing signs


async def test_a_member_that_is_there_twice_is_found(store: EventStore, log: OrgId) -> None:
    """Programs differ in which of the two they believe."""
    export = await exported(store, log)
    forged = export.replace(b'{"position":4,', b'{"type":"job.failed.v1","position":4,', 1)

    assert verdict_on(export).valid
    assert not verdict_on(forged).valid


async def test_lines_that_another_program_wrote_anew_still_hold(
    store: EventStore, log: OrgId
) -> None:
    export = await exported(store, log)
    rewritten = "\n".join(
        json.dumps(json.loads(line), indent=None, sort_keys=True) for line in export.splitlines()
    )

    assert verdict_on(rewritten.encode()).valid


async def test_another_key_does_not_verify_it(store: EventStore, log: OrgId) -> None:
    other = Ed25519PrivateKey.generate().public_key()

    verdict = verify_export(io.BytesIO(await exported(store, log)), other, {})

    assert not verdict.valid
    assert "not signed by that key" in str(verdict.reason)


async def test_the_export_of_another_organization_does_not_pass_for_this_one(
    store: EventStore, log: OrgId
) -> None:
    other = await founded(store, "Globex")
    export = await exported(store, log)
    renamed = export.replace(str(log).encode(), str(other).encode()).replace(
        str(log.uuid).encode(), str(other.uuid).encode()
    )

    assert not verdict_on(renamed).valid


async def test_an_export_holds_no_event_of_another_organization(
    store: EventStore, log: OrgId
) -> None:
    other = await founded(store, "Globex")
    await store.save(context(other), requested_job(sku="SECRET-OF-GLOBEX"))

    export = await exported(store, log)

    assert b"GLOBEX" not in export.upper()
    assert export.count(b"\n") == 9 + 2


async def test_a_witness_of_what_was_cut_away_is_met_nowhere(store: EventStore, log: OrgId) -> None:
    until_five, whole = await exported(store, log, until=5), await audit_of(store).part(log)
    cut = until_five.replace(b'"until":5', b'"until":null')
    witness = {whole.head.position: whole.head.hash}

    assert verdict_on(cut).valid  # it is what the log was
    assert verdict_on(cut, witness).first_bad == 6
    assert verdict_on(until_five, witness).unasked == (9,)


@pytest.mark.parametrize("form", FORMATS)
async def test_strange_and_large_texts_come_through_unharmed(
    store: EventStore, log: OrgId, form: Format
) -> None:
    for text in (STRANGE, "x" * 3_000_000, "=cmd|' /C calc'!A0", "＝1", "'", ""):
        await store.save(context(log), requested_job(recipe={"note": text}))

    assert verdict_on(await exported(store, log, form)).valid


@pytest.mark.parametrize("form", FORMATS)
async def test_a_text_with_a_zero_or_a_line_break_comes_back(
    store: EventStore, log: OrgId, form: Format
) -> None:
    """The database takes neither from us today; the formats would."""
    row = (await rows_of(store, log))[0]
    export = await exported(store, log, form, until=1)
    first, _, end = export.splitlines(keepends=True)[-3:]
    for text in ('{"a":"\\u0000"}', '{"a":\n"b"}', '{"a":\r\n"b"}', "", STRANGE):
        changed = (*row[:5], text, text, *row[7:])
        body = export[: export.index(first)] + first + Writer(form).events([changed]) + end

        lines = [line for _, line in read_export(io.BytesIO(body))]

        assert lines[1] == changed


async def test_a_cell_that_a_spreadsheet_would_run_is_text_and_comes_back(
    store: EventStore, log: OrgId
) -> None:
    """No topic begins so; somebody who may change rows could write one that does."""
    row = list((await rows_of(store, log))[0])
    for kind in ("=1", "+1", "-1", "@A1", "\t=1", "\r=1", "＝1", "＠1", "'=1", "''", "ok"):
        row[4] = kind
        [cells] = csv.reader(io.StringIO(Writer("csv").events([row]).decode(), newline=""))

        assert cells[5][0] not in "=+-@\t\r＝＋－＠"
        assert _members(cells)["type"] == kind


async def test_ten_thousand_events_are_exported_whole_while_others_are_appended(
    store: EventStore, org_id: OrgId
) -> None:
    for _ in range(20):
        await store.save(context(org_id), *(requested_job() for _ in range(500)))
    ended = asyncio.Event()

    async def append() -> int:
        appended = 0
        while not ended.is_set():
            await store.save(context(org_id), requested_job())
            appended += 1
        return appended

    appending = asyncio.create_task(append())
    verdicts = [verdict_on(await exported(store, org_id, form)) for form in FORMATS]
    ended.set()

    assert await appending > 0
    assert [verdict.valid for verdict in verdicts] == [True, True]
    assert all(verdict.events >= 10_001 for verdict in verdicts)


async def test_a_batch_of_large_events_is_cut_short(
    store: EventStore, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_parts, "BATCH_BYTES", 1)
    for _ in range(3):
        await store.save(context(org_id), requested_job())
    part = await audit_of(store).part(org_id)

    sizes = [len(batch) async for batch in log_parts.read_part(store.pools, part)]

    assert sizes == [1, 1, 1, 1]


def test_the_public_key_is_read_in_every_form_that_it_is_given() -> None:
    raw = PUBLIC_KEY.public_bytes_raw()
    pem = PUBLIC_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forms = [raw.hex().encode() + b"\n", pem, orjson.dumps({"publicKey": raw.hex()})]

    assert [read_public_key(form).public_bytes_raw() for form in forms] == [raw] * 3
