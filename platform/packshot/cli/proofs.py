"""The commands about the proof of the log: verified where it lies, or from an export alone."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from packshot.cli.speaking import AsJson, DataOrElse, default_data, note, problems_as_sentences

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from domain.ids import OrgId
    from packshot.store.verify import Verdict
    from packshot.store.witness import Kept

audit = typer.Typer(help="The log and its proof.", no_args_is_help=True)

BAD_USAGE = 2
Row = dict[str, Any]


@audit.command("verify")
def verify(
    *,
    data: DataOrElse = None,
    witness: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Heads that you kept, to hold it against."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="An export, instead of a database."),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The key that heads are signed with."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every organization's chain and say the head it led to.

    The database is that of --data, else of PACKSHOT_OWNER_DATABASE_URL, else the one of the
    checkout's data folder. With --export nothing but that file is read, and the signed head at its
    end is checked by --public-key. Exit 1, naming the place, where a chain does not hold or is not
    the one that the witness saw; exit 2 where the command itself cannot be followed.
    """
    if export is not None:
        if data is not None:
            refuse("--export is read alone: leave --data out.")
        if public_key is None:
            refuse("An export is verified with --public-key FILE: the key that signed its head.")
        rows, complaints = _verify_export(export, public_key, witness=witness)
    else:
        rows, complaints = _verify_database(data, public_key, witness=witness)
    _tell(rows, complaints, as_json=as_json)
    raise typer.Exit(0 if all(row["valid"] for row in rows) and not complaints else 1)


def refuse(sentence: str) -> NoReturn:
    """Say why the command cannot be followed, and leave with exit code 2."""
    typer.echo(f"packshot: {sentence}", err=True)
    raise typer.Exit(BAD_USAGE)


def _verify_export(
    export: Path, public_key: Path, *, witness: Path | None
) -> tuple[list[Row], list[str]]:
    from packshot.store.verify_export import verify_export, whose
    from packshot.store.witness import sort_witnesses

    key, kept = _read_key(public_key), _read_witness(witness)
    with export.open("rb") as file:
        org_id = whose(file)
        hashes, complaints = sort_witnesses(kept, key, [] if org_id is None else [org_id])
        if org_id is None:  # whatever was kept, the export itself is to be told of
            complaints = []
        verdict = verify_export(file, key, hashes.get(org_id, {}) if org_id else {})
    for position in verdict.unasked:
        typer.echo(f"packshot: the export says nothing of position {position}", err=True)
    row = {
        "orgId": str(verdict.org_id) if verdict.org_id else None,
        "after": verdict.after,
        "events": verdict.events,
        "head": verdict.head.rpartition(".")[0] if verdict.head else None,
        "valid": verdict.valid,
        "firstBad": verdict.first_bad,
        "reason": verdict.reason,
    }
    return [row], complaints


def _verify_database(
    data: Path | None, public_key: Path | None, *, witness: Path | None
) -> tuple[list[Row], list[str]]:
    import asyncio

    from packshot.embedded.visit import owned_database

    kept = _read_witness(witness)
    key = _read_key(public_key) if public_key is not None else _own_key(data) if kept else None
    if kept and key is None:
        refuse("A witness is checked with --public-key FILE: the key that signed its heads.")
    with (
        problems_as_sentences(),
        owned_database(data, environ=os.environ, default=default_data()) as owner_url,
    ):
        verdicts, complaints = asyncio.run(_verdicts(owner_url, key, kept))
        note(owner_url)
    return [_row(verdict) for verdict in verdicts], complaints


async def _verdicts(
    owner_url: str, key: "Ed25519PublicKey | None", kept: "Sequence[Kept]"
) -> "tuple[list[Verdict], list[str]]":
    from packshot.store.verify import find_organizations, verify_log
    from packshot.store.witness import sort_witnesses

    if key is None or not kept:
        return await verify_log(owner_url), []
    known: set[OrgId] = set(await find_organizations(owner_url))
    named = {one.org_id for one in kept if one.org_id is not None}
    hashes, complaints = sort_witnesses(kept, key, sorted(known | named))
    return await verify_log(owner_url, hashes), complaints


def _row(verdict: "Verdict") -> Row:
    return {
        "orgId": str(verdict.org_id),
        "events": verdict.events,
        "head": f"{verdict.events}.{verdict.head.hex()}" if verdict.valid else None,
        "valid": verdict.valid,
        "firstBad": verdict.first_bad,
        "reason": verdict.reason,
    }


def _tell(rows: list[Row], complaints: list[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        for row in rows:
            at = f" at position {row['firstBad']}" if row["firstBad"] is not None else ""
            found = f"ok  head {row['head']}" if row["valid"] else f"BROKEN{at}: {row['reason']}"
            typer.echo(f"{row['orgId'] or '?'}  {row['events']} events  {found}")
    for complaint in complaints:
        typer.echo(f"packshot: {complaint}", err=True)


def _read_key(file: Path) -> "Ed25519PublicKey":
    from packshot.store.head import read_public_key

    try:
        return read_public_key(file.read_bytes())
    except (ValueError, OSError):
        refuse(f"{file} holds no Ed25519 key: neither PEM, nor its 32 bytes in hex, nor the JSON.")


def _own_key(data: Path | None) -> "Ed25519PublicKey | None":
    """The key of the data folder that is meant; None where only an address is known."""
    from packshot.embedded.layout import Layout
    from packshot.embedded.secrets import PUBLIC_KEY
    from packshot.embedded.visit import external_address

    if external_address(os.environ, "PACKSHOT_OWNER_DATABASE_URL", data=data):
        return None
    file = Layout.of(data or default_data()).secrets / PUBLIC_KEY
    return _read_key(file) if file.exists() else None


def _read_witness(file: Path | None) -> "list[Kept]":
    from packshot.store.witness import UnreadableWitness, read_witness

    if file is None:
        return []
    try:
        return read_witness(file.read_text().splitlines())
    except (UnreadableWitness, ValueError, OSError) as problem:
        refuse(f"{file} is no witness: {problem}.")
