"""Checkpoints: signed when they are due, once, kept in three places, whatever dies in between."""

import asyncio
import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from api.neighbour import Neighbour
from api.projecting import running_projector
from domain.ids import OrgId
from exports import PUBLIC_KEY, exported, verdict_on
from given import SECRETS, context, founded, requested_job
from integrations.http import OutboundClient, OutboundFailed, parse_allowed
from packshot.commands.checkpoints import Checkpoints
from packshot.config import Settings
from packshot.store.checkpoint_files import add_lines
from packshot.store.events import EventStore
from packshot.store.head import Signer
from packshot.store.notes import is_signed_note, verifier_key
from packshot.store.pool import DriverConnection, Pool
from packshot.store.witness import read_witness, sort_witnesses

WITHIN_S = 30.0


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 23, 3, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checkpoints(projecting: Pool, clock: Clock, tmp_path: Path) -> Checkpoints:
    return Checkpoints(projecting, Signer(SECRETS.log_signing_seed), tmp_path, clock)


def lines_of(folder: Path, org_id: OrgId) -> list[dict[str, object]]:
    text = (folder / "checkpoints" / f"{org_id}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


async def test_a_log_gets_one_at_first_then_by_the_hour_then_by_the_thousand(
    store: EventStore, org_id: OrgId, checkpoints: Checkpoints, clock: Clock, tmp_path: Path
) -> None:
    made = [await checkpoints.make(), await checkpoints.make()]
    await store.save(context(org_id), requested_job())
    made.append(await checkpoints.make())
    clock.now += timedelta(hours=1)
    made += [await checkpoints.make(), await checkpoints.make()]
    await store.save(context(org_id), *(requested_job() for _ in range(999)))
    made.append(await checkpoints.make())
    await store.save(context(org_id), requested_job())
    made.append(await checkpoints.make())
    clock.now += timedelta(hours=5)  # nothing happened: nothing to sign
    made.append(await checkpoints.make())

    assert made == [1, 0, 0, 1, 0, 0, 1, 0]
    assert [line["position"] for line in lines_of(tmp_path, org_id)] == [1, 2, 1002]


async def test_a_checkpoint_is_a_signed_note_and_a_witness(
    store: EventStore, org_id: OrgId, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    head = await store.save(context(org_id), requested_job())
    await checkpoints.make()

    [line] = lines_of(tmp_path, org_id)
    note = str(line["note"])
    origin, size, root, time, *_ = note.split("\n")
    assert (origin, size) == (f"packshot/log/{org_id}", "2")
    assert base64.b64decode(root) == head.hash
    assert time == "time 2026-11-23T03:00:00.000000Z"
    assert is_signed_note(note, PUBLIC_KEY)
    assert not is_signed_note(note.replace("\n2\n", "\n3\n"), PUBLIC_KEY)
    assert not is_signed_note(note, Signer(bytes(32)).public_key)
    file = tmp_path / "checkpoints" / f"{org_id}.jsonl"
    kept = read_witness(file.read_text().splitlines())
    hashes, complaints = sort_witnesses(kept, PUBLIC_KEY, [org_id])
    assert (hashes, complaints) == ({org_id: {2: head.hash}}, [])
    assert verdict_on(await exported(store, org_id), hashes[org_id]).valid


def test_the_key_of_notes_is_written_as_their_tools_want_it() -> None:
    name, key_id, material = verifier_key(PUBLIC_KEY).split("+", 2)

    assert (name, len(key_id)) == ("packshot", 8)
    assert base64.b64decode(material) == b"\x01" + PUBLIC_KEY.public_bytes_raw()


async def test_several_processes_make_each_once(
    store: EventStore, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    org_ids = [await founded(store, f"Org {number}") for number in range(10)]

    for _ in range(3):
        await asyncio.gather(*(checkpoints.make() for _ in range(4)))

    assert [len(lines_of(tmp_path, org_id)) for org_id in org_ids] == [1] * 10


async def test_a_line_that_was_written_and_not_marked_is_not_written_again(
    org_id: OrgId, checkpoints: Checkpoints, owner: DriverConnection, tmp_path: Path
) -> None:
    await checkpoints.make()
    await owner.execute("UPDATE es.checkpoint SET written_at = NULL")

    await checkpoints.make()

    assert len(lines_of(tmp_path, org_id)) == 1


def test_a_line_that_was_cut_is_taken_away_before_the_next(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints" / "org.jsonl"
    add_lines(file, [b'{"one":1}\n'])
    with file.open("ab") as torn:
        torn.write(b'{"two":')

    add_lines(file, [b'{"one":1}\n', b'{"two":2}\n'])

    assert file.read_bytes() == b'{"one":1}\n{"two":2}\n'
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_full_disk_loses_nothing(
    org_id: OrgId, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").write_text("a file stands where the folder is to be")
    with pytest.raises(OSError, match="exists"):
        await checkpoints.make()

    (tmp_path / "checkpoints").unlink()
    await checkpoints.make()

    assert len(lines_of(tmp_path, org_id)) == 1


async def test_they_are_posted_in_their_order_and_once(
    store: EventStore,
    org_id: OrgId,
    checkpoints: Checkpoints,
    clock: Clock,
    neighbour: Neighbour,
    tmp_path: Path,
) -> None:
    outbound = OutboundClient(allowed_private=parse_allowed(neighbour.as_allowed))
    posting = replace(checkpoints, outbound=outbound, url=neighbour.url("/checkpoints"))
    await posting.make()
    clock.now += timedelta(hours=2)
    await store.save(context(org_id), requested_job())
    await posting.make()

    taken = [await posting.post(), await posting.post()]
    await outbound.close()

    told = [body for _, body in neighbour.told if str(org_id).encode() in body]
    assert taken == [2, 0]
    assert b"".join(told) == (tmp_path / "checkpoints" / f"{org_id}.jsonl").read_bytes()


async def test_a_server_that_does_not_take_one_is_told_again(
    org_id: OrgId, checkpoints: Checkpoints, owner: DriverConnection, neighbour: Neighbour
) -> None:
    away = OutboundClient()  # it reaches no private address
    posting = replace(checkpoints, outbound=away, url=neighbour.url("/checkpoints"))
    await posting.make()

    with pytest.raises(OutboundFailed):
        await posting.post()
    await away.close()

    assert await owner.fetchval("SELECT count(*) FROM es.checkpoint WHERE posted_at IS NULL") == 1


async def test_a_checkpoint_cannot_be_changed_or_removed(
    org_id: OrgId, checkpoints: Checkpoints, projecting: Pool, owner: DriverConnection
) -> None:
    await checkpoints.make()

    for statement in ("DELETE FROM es.checkpoint", "TRUNCATE es.checkpoint"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await projecting.execute("UPDATE es.checkpoint SET hash = ''")


async def test_a_projector_that_dies_after_signing_signs_again(
    org_id: OrgId, settings: Settings, owner: DriverConnection, tmp_path: Path
) -> None:
    with running_projector(settings, failpoints="checkpoint.after_sign:kill@1") as first:
        assert first.ended() == -9
    assert await owner.fetchval("SELECT count(*) FROM es.checkpoint") == 0

    with running_projector(settings), running_projector(settings):
        async with asyncio.timeout(WITHIN_S):
            while not (tmp_path / "checkpoints" / f"{org_id}.jsonl").exists():
                await asyncio.sleep(0.05)

    assert await owner.fetchval("SELECT count(*) FROM es.checkpoint") == 1
    assert len(lines_of(tmp_path, org_id)) == 1
