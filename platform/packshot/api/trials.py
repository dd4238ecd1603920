"""The picture operations without a key, under /api: for trying out; on where the operator says so.

What they make is answered and forgotten. They are declared apart (``app.TRIALS``), so that where
they are off there is nothing at their addresses.
"""

from functools import partial

from packshot.edge.contract import Access, Call, Reply, endpoint
from packshot.edge.pictures import PICTURE_TYPES, PictureAnswer
from packshot.edge.report_shapes import ReportsAnswer
from packshot.edge.trials import (
    TRIAL_REFUSALS,
    BackgroundTrialForm,
    ComplianceTrialForm,
    ProcessTrialForm,
    RelightTrialForm,
    UpscaleTrialForm,
    tried_compliance,
    tried_picture,
)

declare = partial(
    endpoint,
    "POST",
    scope=Access.BY_ADDRESS,
    file_field="image",
    answer=PictureAnswer,
    media_types=PICTURE_TYPES,
    answer_headers=("x-recipe-hash",),
    json_max_bytes=0,
)
CUTS_OUT = (*TRIAL_REFUSALS, "subject_not_found")


@declare("/api/process", form=ProcessTrialForm, refuses=TRIAL_REFUSALS)
async def try_process(call: Call[ProcessTrialForm]) -> Reply:
    """Make a packshot of a product photo, without a key."""
    return await tried_picture(call)


@declare("/api/upscale", form=UpscaleTrialForm, refuses=TRIAL_REFUSALS)
async def try_upscale(call: Call[UpscaleTrialForm]) -> Reply:
    """Enlarge a picture, without a key."""
    return await tried_picture(call)


@declare("/api/backgrounds/generate", form=BackgroundTrialForm, refuses=CUTS_OUT)
async def try_background(call: Call[BackgroundTrialForm]) -> Reply:
    """Make a backdrop and put the subject before it, without a key."""
    return await tried_picture(call)


@declare("/api/relight/shadow", form=RelightTrialForm, refuses=CUTS_OUT)
async def try_relight(call: Call[RelightTrialForm]) -> Reply:
    """Give a subject another shadow and exposure, without a key."""
    return await tried_picture(call)


@endpoint(
    "POST",
    "/api/compliance",
    scope=Access.BY_ADDRESS,
    file_field="image",
    form=ComplianceTrialForm,
    answer=ReportsAnswer,
    refuses=TRIAL_REFUSALS,
    json_max_bytes=0,
)
async def try_compliance(call: Call[ComplianceTrialForm]) -> Reply:
    """Judge a picture by the rules of marketplaces, without a key."""
    return await tried_compliance(call)
