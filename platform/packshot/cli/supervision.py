"""The commands by which who runs an installation decides about its organizations."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from packshot.cli.installation import org
from packshot.cli.services import in_installation
from packshot.cli.speaking import AsJson, DataOrElse, fail

if TYPE_CHECKING:
    from domain.ids import OrgId
    from domain.organization import Status
    from domain.recorded import Actor
    from packshot.commands.supervision import Supervision
    from packshot.wiring import Services

    Act = Callable[[Supervision, Actor, OrgId], Awaitable[object]]

__all__ = ["org"]

Wanted = Annotated[str, typer.Argument(help="The organization, such as org_01m8….")]


@org.command("suspend")
def suspend(
    org_id: Wanted,
    *,
    reason: Annotated[str, typer.Option(help="What its members read, in one sentence.")],
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Shut an organization: keys and pages are refused.

    Its jobs wait, and what was begun is finished; its owners still read their trail. The act
    stands in the organization's log and in the installation's.
    """
    _act(
        org_id,
        "packshot org suspend",
        lambda supervision, by, wanted: supervision.suspend(by, wanted, reason=reason),
        data=data,
        as_json=as_json,
    )


@org.command("resume")
def resume(org_id: Wanted, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """End a suspension."""
    _act(
        org_id,
        "packshot org resume",
        lambda supervision, by, wanted: supervision.resume(by, wanted),
        data=data,
        as_json=as_json,
    )


@org.command("close")
def close(org_id: Wanted, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """End an organization, for good after 30 days.

    Until then `packshot org reopen` takes it back.
    """
    _act(
        org_id,
        "packshot org close",
        lambda supervision, by, wanted: supervision.close(by, wanted),
        data=data,
        as_json=as_json,
    )


@org.command("reopen")
def reopen(org_id: Wanted, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Let a closed organization go on, as it was before."""
    _act(
        org_id,
        "packshot org reopen",
        lambda supervision, by, wanted: supervision.reopen(by, wanted),
        data=data,
        as_json=as_json,
    )


@org.command("limit")
def limit(  # noqa: PLR0913 - one option for each number
    org_id: Wanted,
    *,
    burst: Annotated[int, typer.Option(help="Weighted requests in a burst.")] = 1000,
    per_minute: Annotated[int, typer.Option(help="Weighted requests a minute.")] = 6000,
    at_once: Annotated[int, typer.Option(help="Heavy requests side by side.")] = 64,
    monthly_pictures: Annotated[
        int | None, typer.Option(help="Pictures in a month.", show_default="any number")
    ] = None,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Write down how much an organization may do.

    What is left out is as for everybody.
    """

    async def give(supervision: "Supervision", by: "Actor", wanted: "OrgId") -> object:
        from domain.org_limits import OrgLimits

        return await supervision.limit(
            by, wanted, OrgLimits(burst, per_minute, at_once, monthly_pictures)
        )

    _act(org_id, "packshot org limit", give, data=data, as_json=as_json)


def _act(org_id: str, name: str, act: "Act", *, data: DataOrElse, as_json: bool) -> None:
    from domain.ids import OrgId
    from domain.recorded import Actor

    try:
        wanted = OrgId.parse(org_id)
    except ValueError:
        fail(f"{org_id!r} is not an organization's id; `packshot up` and `org create` tell them.")

    async def run(services: "Services") -> "Status":
        await act(services.supervision, Actor("system", name), wanted)
        return (await services.organizations.find(wanted)).standing.status

    status = in_installation(run, data=data)
    told = {"orgId": org_id, "status": status}
    typer.echo(json.dumps(told) if as_json else f"{org_id} is {status}.")
