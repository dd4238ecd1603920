"""Checking pictures by the rules of marketplaces, and mending them; nothing is recorded by a check.

The picture that a fix makes is recorded as any other is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from domain.errors import InvalidInput
from domain.ids import OrgId, OutputId
from domain.output import Output
from imaging.compliance import Report, judge
from imaging.facts import Facts
from imaging.rulesets import Ruleset, Slot, rulesets
from packshot.commands.images import Images
from packshot.commands.making import Photo
from packshot.render.pool import RenderPool


@dataclass(frozen=True, slots=True)
class Compliance:
    """The use cases of marketplaces' rules."""

    pool: RenderPool
    images: Images
    clock: Callable[[], datetime]

    def today(self) -> date:
        """The day by which rules are chosen where nobody names one, in UTC."""
        return self.clock().astimezone(UTC).date()

    async def measure(self, path: Path) -> Facts:
        """The facts of a picture file; raises the Refusal of the imaging room, and Unavailable."""
        return await self.pool.measure(path)

    async def check(
        self,
        photo: Photo,
        *,
        channels: Sequence[str],
        slot: Slot = "main",
        as_of: date | None = None,
    ) -> list[Report]:
        """Judge a picture by the rules of each channel, in that order; it is measured once.

        ``as_of`` is the day whose rules are meant, None today. Raises InvalidInput for a channel
        that is not known, and what ``measure`` raises.
        """
        known = [ruleset_of(channel) for channel in channels]
        facts = await self.measure(photo.path)
        return self.judge(facts, known, slot=slot, as_of=as_of)

    def judge(
        self, facts: Facts, known: Sequence[Ruleset], *, slot: Slot, as_of: date | None
    ) -> list[Report]:
        """Judge what was measured by each of these rulesets; None means today."""
        day = self.today() if as_of is None else as_of
        return [judge(facts, ruleset, slot=slot, as_of=day) for ruleset in known]

    async def check_output(
        self,
        org_id: OrgId,
        output_id: OutputId,
        *,
        channel: str,
        slot: Slot = "main",
        as_of: date | None = None,
    ) -> Report:
        """Judge an output by the rules of a channel; raises NotFound, and as ``check`` does."""
        photo = await self.images.photo_of_output(org_id, output_id)
        (report,) = await self.check(photo, channels=(channel,), slot=slot, as_of=as_of)
        return report

    async def check_again(self, org_id: OrgId, output: Output, report: Report) -> Report:
        """Judge the output that a report's fix has made by the same rules."""
        facts = await self.measure(self.images.content_path(org_id, output))
        return judge(facts, report.ruleset, slot=report.slot, as_of=report.as_of)


def known_channels() -> list[str]:
    """The channels whose rules are known, in their order."""
    return list(rulesets())


def ruleset_of(channel: str, *, param: str = "channel") -> Ruleset:
    """The rules of a channel; raises InvalidInput that lists the known ones."""
    found = rulesets().get(channel)
    if found is None:
        known = known_channels()
        raise InvalidInput(
            "invalid_parameter",
            f"There are no rules for the channel {channel[:40]}; there are for {', '.join(known)}.",
            param=param,
            allowed={"values": known},
            fix=f"Send {param}={known[0]}.",
        )
    return found
