"""The fields of publishes, and the wish that they are."""

from typing import Annotated, cast

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput
from domain.listing import SLOTS, Mode, Target, Wish
from packshot.edge.fields import Label, NotYet, Truth, Word
from packshot.edge.forms import Form
from packshot.edge.paging import PageForm
from packshot.edge.path_ids import parsed_integration_id
from packshot.edge.quantities import WholeNumber
from packshot.edge.sources import output_id_of

STATUSES = (
    "planned", "queued", "uploading", "processing", "live", "failed", "unknown", "drifted",
    "rolled_back",
)  # fmt: skip
DIGEST_MAX_CHARACTERS = 128  # docs/bridge.md, "The shop"
ONE_BY_ONE = "send a publish for each output."
Text = Annotated[str | None, Label()]


class PublishForm(Form):
    """An output, the listing of a shop, and the place in it."""

    model_config = ConfigDict(
        json_schema_extra={"required": ["outputId", "integrationId", "target"]}
    )

    output_id: Text = Field(None, description="The output to publish.")
    integration_id: Text = Field(None, description="The connection to the shop.")
    sku: Text = Field(None, alias="target.sku", description="The listing, by its SKU.")
    product_id: Text = Field(
        None, alias="target.productId", description="The listing, by the shop's own id of it."
    )
    variant_id: Annotated[None, NotYet("a listing's pictures are for all its variants.")] = Field(
        None, alias="target.variantId"
    )
    slot: Annotated[str, Word(SLOTS)] | None = Field(
        None, alias="target.slot", description="The place by its name; main by default."
    )
    position: Annotated[int, WholeNumber(1, len(SLOTS), example=1)] | None = Field(
        None, alias="target.position", description="The place by its number, from 1."
    )
    mode: Annotated[str, Word(("replace", "append", "prepend"))] = Field(
        "replace", description="In the place of the picture there, after all, or before all."
    )
    dry_run: Annotated[bool, Truth()] = Field(
        default=False, description="Answer the plan and change nothing."
    )
    base_digest: Annotated[str | None, Label(DIGEST_MAX_CHARACTERS)] = Field(
        None, description="The baseDigest of a plan: another listing than that is left alone."
    )
    require_compliance: Annotated[str, Word(("off", "warn", "block"))] = Field(
        "off", description="block refuses a picture that breaks a required rule of the channel."
    )
    items: Annotated[None, NotYet(ONE_BY_ONE)] = None


class PublishesForm(PageForm):
    """Which publishes to list."""

    status: Annotated[str, Word(STATUSES)] | None = Field(None, description="Only of this status.")
    integration_id: Text = Field(None, description="Only to this shop.")


def wish_of(form: PublishForm) -> Wish:
    """What the form asks for; raises InvalidInput and NotFound."""
    for name, given in (
        ("outputId", form.output_id),
        ("integrationId", form.integration_id),
        ("target.sku", form.sku or form.product_id),
    ):
        if given is None:
            raise InvalidInput(
                "missing_parameter",
                f"The request holds no {name}.",
                param=name,
                fix=f"Send {name}.",
            )
    _refuse_two(form)
    return Wish(
        integration_id=parsed_integration_id(form.integration_id or ""),
        target=Target(form.sku, form.product_id, form.slot, form.position),
        mode=cast("Mode", form.mode),  # the field holds one of its words
        require_compliance=form.require_compliance,
        output_id=output_id_of(form.output_id or "", param="outputId"),
        base_digest=form.base_digest,
    )


def _refuse_two(form: PublishForm) -> None:
    """Raise InvalidInput where the listing or the place is named twice, or the place is none."""
    if form.sku is not None and form.product_id is not None:
        raise _contradiction("target.productId", "target.sku names the listing already.")
    if form.slot is not None and form.position is not None:
        raise _contradiction("target.position", "target.slot names the place already.")
    if form.mode != "replace" and (form.slot is not None or form.position is not None):
        name = "target.slot" if form.slot is not None else "target.position"
        raise _contradiction(name, f"mode={form.mode} says the place already.")


def _contradiction(param: str, detail: str) -> InvalidInput:
    return InvalidInput("invalid_parameter", detail, param=param, fix=f"Leave {param} out.")
