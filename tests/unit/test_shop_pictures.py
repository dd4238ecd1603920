"""Places of fetches from shops: shared by organizations, so that none waits for another's shop."""

import asyncio

from domain.ids import OrgId
from packshot.commands.shop_pictures import AT_ONCE, Places

ROUNDS = 50  # turns of the loop, far more than the tasks here can use


async def test_an_organization_whose_shop_hangs_leaves_places_to_the_others() -> None:
    places, done, inside = Places(), asyncio.Event(), [0, 0]
    slow, other = OrgId.new(), OrgId.new()

    async def hold(org_id: OrgId) -> None:
        async with places.of(org_id):
            inside[org_id == other] += 1
            await done.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE * 2):
            tasks.create_task(hold(slow))
        await turns()
        assert inside == [4, 0]
        for _ in range(AT_ONCE):
            tasks.create_task(hold(other))
        await turns()
        assert inside == [4, 4]
        done.set()

    assert inside == [AT_ONCE * 2, AT_ONCE]


async def turns() -> None:
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
