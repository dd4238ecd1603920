"""The line of organizations to follow: each once, none twice at a time, none forgotten."""

from uuid import UUID, uuid4

from packshot.store.backlog import Backlog

FIRST, SECOND = uuid4(), uuid4()


async def taken(backlog: Backlog) -> list[UUID]:
    """What the line holds, taken to its end."""
    took = []
    while backlog._waiting:
        took.append(await anext(backlog))
    return took


async def test_who_is_marked_twice_comes_once_and_in_turn() -> None:
    backlog = Backlog()
    for tenant_id in (FIRST, SECOND, FIRST):
        backlog.mark(tenant_id)

    assert await taken(backlog) == [FIRST, SECOND]


async def test_who_is_marked_while_worked_on_comes_again_and_not_before() -> None:
    backlog = Backlog()
    backlog.mark(FIRST)
    took = await anext(backlog)

    backlog.mark(FIRST)

    assert await taken(backlog) == []
    backlog.done(took, again=False)
    assert await taken(backlog) == [FIRST]


async def test_who_has_more_to_do_goes_to_the_end_of_the_line() -> None:
    backlog = Backlog()
    backlog.mark(FIRST)
    took = await anext(backlog)
    backlog.mark(SECOND)

    backlog.done(took, again=True)

    assert await taken(backlog) == [SECOND, FIRST]


async def test_a_closed_line_ends_for_everybody_at_once() -> None:
    backlog = Backlog()
    backlog.mark(FIRST)

    backlog.close()
    backlog.mark(SECOND)

    assert [tenant_id async for tenant_id in backlog] == []
    assert [tenant_id async for tenant_id in backlog] == []
