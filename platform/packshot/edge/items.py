"""The items of a batch as a request names them: each its own picture, over what they all share."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic_core import PydanticCustomError

from domain.errors import InvalidInput, Refusal
from packshot.commands.batches import MOST_ITEMS, Item
from packshot.commands.making import Photo, Wish
from packshot.commands.plans import Link
from packshot.edge.contract import Call
from packshot.edge.fields import ReadField, shown
from packshot.edge.forms import MOST_MISTAKES_TOLD, all_of, flat_fields, read_form
from packshot.edge.limits import organization_charge, rate_limited
from packshot.edge.problems import Mistakes
from packshot.edge.schemas import json_schema_of
from packshot.edge.sources import PictureForm, SourceForm, no_such_output, output_id_of, wish_of
from packshot.edge.urls import check_urls

# What an item costs to be read and recorded; its render has its turn in the queue.
ITEM_COST = 0.1
AT_A_STRETCH = 50  # items read before other requests have their turn: some 3 ms

ONE_SOURCE = "Give each item one of imageUrl and outputId."


@dataclass(frozen=True)
class ItemList(ReadField):
    """A list of objects in JSON; each is read when it is known what they share.

    ``item_form`` is what one item says for itself; what it leaves out is as for all.
    """

    item_form: type[SourceForm]

    is_only_json: ClassVar[bool] = True

    def read(self, value: object) -> list[object]:
        """Read the list, not its items."""
        if not isinstance(value, list):
            raise PydanticCustomError(
                "invalid",
                "must be a list of objects in a JSON body; got {got}.",
                {"got": shown(value)},
            )
        if not 1 <= len(value) <= MOST_ITEMS:
            raise PydanticCustomError(
                "invalid",
                "may hold 1 to {max} items; got {length}.",
                {"max": MOST_ITEMS, "length": len(value),
                 "allowed": {"minItems": 1, "maxItems": MOST_ITEMS}},
            )  # fmt: skip
        return value

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the list."""
        return {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_ITEMS,
            "items": json_schema_of(self.item_form),
        }


PictureFormT = TypeVar("PictureFormT", bound=PictureForm)


async def items_of(call: Call[PictureFormT], given: Sequence[object]) -> list[Item]:
    """The items that a request names, each over the request's own fields.

    Raises InvalidInput (also ambiguous_input, missing_parameter, url_not_allowed), NotFound and,
    when the organization's limit does not allow so many items now, rate_limited.
    """
    await _charge(call, len(given))
    _refuse_shared_source(call)
    read = await _read(call.form, given)
    urls = {f"items[{n}].imageUrl": form.image_url for n, (form, _) in enumerate(read)}
    await check_urls(
        call.services.outbound, {param: url for param, url in urls.items() if url is not None}
    )
    photos = await _photos(call, [form.output_id for form, _ in read])
    return [
        Item(Link(form.image_url) if form.image_url is not None else photo, wish)  # type: ignore[arg-type] # one of both is there
        for (form, wish), photo in zip(read, photos, strict=True)
    ]


async def _charge(call: Call[Any], count: int) -> None:
    charge = organization_charge(call.key.org_id, call.key.limits, ITEM_COST * count)
    call.exchange.decision = decision = await call.state.limiter.take((charge,))
    if not decision.allowed:
        raise rate_limited(decision)


def _refuse_shared_source(call: Call[PictureFormT]) -> None:
    form = call.form
    if call.file is not None or form.output_id is not None or form.image_url is not None:
        raise InvalidInput(
            "ambiguous_input",
            "The request holds items and a picture beside them.",
            param="items",
            fix=ONE_SOURCE,
        )


async def _read(shared: PictureFormT, given: Sequence[object]) -> list[tuple[PictureFormT, Wish]]:
    """Each item's form over the shared one, and its wish; as many mistakes as are told."""
    read: list[tuple[PictureFormT, Wish]] = []
    mistakes: list[Refusal] = []
    for number, fields in enumerate(given):
        if number % AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        try:
            read.append(_item(shared, fields, within=f"items[{number}]"))
        except Refusal as refusal:
            mistakes += refusal.mistakes if isinstance(refusal, Mistakes) else (refusal,)
            if len(mistakes) >= MOST_MISTAKES_TOLD:
                break
    if mistakes:
        raise all_of(mistakes[:MOST_MISTAKES_TOLD])
    return read


def _item(shared: PictureFormT, fields: object, *, within: str) -> tuple[PictureFormT, Wish]:
    if not isinstance(fields, dict):
        raise InvalidInput(
            "invalid_parameter",
            f"{within} must be an object; got {shown(fields)}.",
            param=within,
            fix=ONE_SOURCE,
        )
    own = read_form(shared.item_form, _flat(fields, within), within=f"{within}.")
    said = {name: getattr(own, name) for name in own.model_fields_set}
    form = shared.model_copy(update={**said, "webhook_url": None})
    _require_one_source(form, within)
    try:
        return form, wish_of(form)
    except InvalidInput as contradiction:
        raise _placed(contradiction, within) from None


def _flat(fields: Mapping[str, object], within: str) -> dict[str, object]:
    try:
        return flat_fields(fields, within=f"{within}.")
    except (ValueError, RecursionError):
        raise InvalidInput(
            "malformed_request", "The body is not valid JSON.", fix="Send one JSON object in UTF-8."
        ) from None


def _require_one_source(form: SourceForm, within: str) -> None:
    if form.image_url is None and form.output_id is None:
        raise InvalidInput(
            "missing_parameter", f"{within} holds no picture.", param=within, fix=ONE_SOURCE
        )
    if form.image_url is not None and form.output_id is not None:
        raise InvalidInput(
            "ambiguous_input",
            f"{within} holds an outputId and an imageUrl.",
            param=within,
            fix=ONE_SOURCE,
        )


def _placed(refusal: InvalidInput, within: str) -> InvalidInput:
    return InvalidInput(
        refusal.code,
        f"{within}: {refusal.detail}",
        param=f"{within}.{refusal.param}",
        fix=refusal.fix,
        allowed=refusal.allowed,
    )


async def _photos(call: Call[Any], named: Sequence[str | None]) -> list[Photo | None]:
    """The outputs that the items start from; raises NotFound for the first that is not there."""
    params = [f"items[{number}].outputId" for number in range(len(named))]
    ids = [
        None if text is None else output_id_of(text, param=param)
        for text, param in zip(named, params, strict=True)
    ]
    wanted = {output_id for output_id in ids if output_id is not None}
    if not wanted:
        return [None] * len(named)
    photos = await call.services.images.photos_of_outputs(call.key.org_id, wanted)
    for output_id, param in zip(ids, params, strict=True):
        if output_id is not None and output_id not in photos:
            raise no_such_output(param)
    return [None if output_id is None else photos[output_id] for output_id in ids]
