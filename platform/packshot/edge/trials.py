"""How the endpoints without a key answer: a picture made and forgotten, as JSON or as bytes."""

from base64 import b64encode
from typing import Annotated, Any, TypeVar

from pydantic import Field

from domain.errors import InvalidInput
from packshot.commands.compliance import ruleset_of
from packshot.commands.making import Photo, Wish
from packshot.commands.trials import Trial
from packshot.edge.backdrops import BackgroundFields
from packshot.edge.contract import Call, Reply
from packshot.edge.encodings import OperationForm
from packshot.edge.fields import Label, Word
from packshot.edge.lighting import RelightFields
from packshot.edge.negotiation import wants_bytes
from packshot.edge.pictures import PictureAnswer
from packshot.edge.recipes import RecipeForm
from packshot.edge.report_shapes import ReportsAnswer
from packshot.edge.rule_fields import RulesFields, channels_of, report_told, slot_of
from packshot.edge.shapes import OutputAnswer, SubjectAnswer, WarningAnswer, timings_answer
from packshot.edge.upscaling import UpscaleFields

TRIAL_REFUSALS = (
    "missing_parameter", "too_many_pixels", "too_much_memory", "unsupported_image_format",
    "malformed_image", "rate_limited", "concurrency_limited", "overloaded", "timeout",
    "key_in_query",
)  # fmt: skip
Text = Annotated[str | None, Label()]


class TrialForm(OperationForm):
    """The caller's own words, echoed; an operation adds its fields."""

    preset_label: Text = Field(None, description="A label, echoed.")
    sku: Text = Field(None, description="The product's number, echoed.")
    client_ref: Text = Field(None, description="Your own reference, echoed.")


class ProcessTrialForm(TrialForm, RecipeForm):
    """A packshot of a photo, without a key."""


class UpscaleTrialForm(TrialForm, UpscaleFields):
    """A picture, enlarged, without a key."""


class BackgroundTrialForm(TrialForm, BackgroundFields):
    """A subject before a backdrop that is made, without a key."""


class RelightTrialForm(TrialForm, RelightFields):
    """A subject in another light, without a key."""


class ComplianceTrialForm(RulesFields):
    """The rules of marketplaces, without a key."""

    fix: Annotated[
        str,
        Word(
            ("none", "suggest"),
            not_yet=(("apply", "send the fixRecipe to /api/process, or use a key."),),
        ),
    ] = Field("suggest", description="suggest: the recipe that mends it.")


TrialFormT = TypeVar("TrialFormT", bound=TrialForm)


async def tried_picture(call: Call[TrialFormT]) -> Reply:
    """Make what the form asks for of the file, and answer it; nothing is left behind."""
    form = call.form
    wish = Wish(form.recipe(), form.preset_label, form.sku, form.client_ref)
    photo = _photo_of(call)
    trial = await call.services.trials.make(photo, wish)
    if wants_bytes(call.request.headers.get("accept")):
        return Reply(
            trial.data,
            headers={"x-recipe-hash": wish.recipe.recipe_hash, "vary": "accept"},
            media_type=f"image/{trial.rendered.format}",
        )
    engine = call.services.trials.maker.pool.engine
    return Reply(PictureAnswer(output=_told(trial, wish, engine=dict(engine), form=form)))


async def tried_compliance(call: Call[ComplianceTrialForm]) -> Reply:
    """Judge the file by the rules of the channels that the form names; nothing is left behind."""
    known = [ruleset_of(channel) for channel in channels_of(call.form)]
    services = call.services
    facts = await services.trials.measure(_photo_of(call))
    reports = services.compliance.judge(
        facts, known, slot=slot_of(call.form), as_of=call.form.as_of
    )
    return Reply(ReportsAnswer(reports=[report_told(call.form, each) for each in reports]))


def _photo_of(call: Call[Any]) -> Photo:
    if call.file is None:
        raise InvalidInput(
            "missing_parameter",
            "The request holds no picture.",
            param="image",
            fix="Send the photo as the multipart file image.",
        )
    return Photo(call.file.path, call.file.sha256, call.file.size_bytes)


def _told(trial: Trial, wish: Wish, *, engine: dict[str, str], form: TrialForm) -> OutputAnswer:
    rendered = trial.rendered
    warnings = [{"code": each.code, "detail": each.detail} for each in rendered.warnings]
    subject = rendered.subject
    return OutputAnswer(
        output_id=None,
        job_id=None,
        url=f"data:image/{rendered.format};base64,{b64encode(trial.data).decode()}",
        format=rendered.format,
        width=rendered.width_px,
        height=rendered.height_px,
        bytes=rendered.size_bytes,
        bytes_sha256=rendered.bytes_sha256,
        pixel_sha256=rendered.pixel_sha256,
        recipe_hash=wish.recipe.recipe_hash,
        engine=engine,
        subject=None if subject is None else SubjectAnswer.model_validate(subject.to_dict()),
        generated=rendered.generated,
        cached=False,
        warnings=[WarningAnswer(**warning) for warning in (*warnings, *form.unused())],
        thumbnail_url=None,
        timings=timings_answer(rendered.timings),
        preset=None,
        preset_label=wish.preset_label,
        sku=wish.sku,
        client_ref=wish.client_ref,
        created_at=trial.made_at,
    )
