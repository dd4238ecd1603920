"""What the Studio says of a picture by the rules of Amazon's main image."""

from collections.abc import Mapping
from typing import Annotated

from domain.scopes import Scope
from packshot.admin.shell.answers import Html
from packshot.admin.shell.declaring import Visit, page
from packshot.edge.fields import Label
from packshot.edge.forms import Form, flat_fields
from packshot.edge.sources import output_id_of

CHANNEL = "amazon"
TITLES: Mapping[str, str] = {
    "size.longest_side_min": "Large enough",
    "size.zoom": "Large enough to zoom",
    "size.advised": "Size advised",
    "size.longest_side_max": "Not too large",
    "background.pure_white": "Pure white background",
    "subject.fill": "Product fills the frame",
    "file.format": "File format",
    "file.format_preferred": "Preferred format",
    "file.still": "Not animated",
    "file.bytes_max": "File size",
    "colour.rgb": "Color model",
    "colour.srgb": "Color profile",
}
# How a measured word is written, where capitals are.
WORDS: Mapping[str, str] = {
    "jpeg": "JPEG", "png": "PNG", "webp": "WebP", "rgb": "RGB", "srgb": "sRGB", "cmyk": "CMYK",
    "none": "None",
}  # fmt: skip


class JudgedForm(Form):
    """Which output is judged."""

    output: Annotated[str, Label(100)]


@page("GET", "/studio/compliance", scope=Scope.COMPLIANCE_CHECK, form=JudgedForm, cost=1.0)
async def judge_output(visit: Visit[JudgedForm]) -> Html:
    """Judge an output, and answer the part that tells every rule."""
    report = await visit.services.compliance.check_output(
        visit.visitor.org_id, output_id_of(visit.form.output), channel=CHANNEL
    )
    told = [finding for finding in report.findings if finding.status != "skipped"]
    return Html(
        "studio_compliance.html",
        {
            "report": report,
            "findings": sorted(told, key=lambda finding: finding.status == "pass"),
            "skipped": [finding for finding in report.findings if finding.status == "skipped"],
            "passed": sum(finding.status == "pass" for finding in told),
            "titles": TITLES,
            "words": WORDS,
            "mending": None if report.fix is None else flat_fields(report.fix.fields),
        },
    )
