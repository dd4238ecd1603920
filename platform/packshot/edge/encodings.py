"""The fields of every operation that say how its picture is encoded."""

from abc import abstractmethod
from typing import Annotated, Any

from pydantic import Field

from domain.errors import InvalidInput
from imaging.operations import AnyRecipe
from packshot.edge.fields import Word
from packshot.edge.forms import Form
from packshot.edge.quantities import WholeNumber

DEFAULT_QUALITY = 92

Quality = Annotated[int, WholeNumber(1, 100, example=92)]


class OperationForm(Form):
    """The fields of one operation; they make its recipe."""

    @abstractmethod
    def recipe(self) -> AnyRecipe:
        """The recipe; raises InvalidInput for fields that contradict each other."""

    def unused(self) -> list[dict[str, str]]:
        """A warning for each field that means nothing beside the others."""
        return []


class EncodedForm(OperationForm):
    """The file that a picture shall become."""

    format: Annotated[
        str,
        Word(
            ("jpeg", "png", "webp"),
            aliases=(("jpg", "jpeg"),),
            not_yet=(("avif", "encode as webp, which every browser reads."),),
        ),
    ] = Field("jpeg", description="File format of the output.")
    quality: Quality | None = Field(None, description="Quality of JPEG or WebP; 92 by default.")
    jpeg_quality: Quality | None = Field(
        None, description="Quality of a JPEG; the same as quality."
    )

    def unused(self) -> list[dict[str, str]]:
        """A warning for each field that means nothing for the format asked for.

        A client that always sends its form's JPEG quality also gets its PNG, and is told.
        """
        unused = []
        if self.jpeg_quality is not None and self.format != "jpeg":
            unused.append(("jpegQuality", "is for JPEG only"))
        if self.quality is not None and self.format == "png":
            unused.append(("quality", "means nothing for PNG, which is exact"))
        return [
            {"code": "field_unused", "detail": f"{name} {why}; this output is {self.format}."}
            for name, why in unused
        ]

    def quality_meant(self) -> int:
        """The one quality that counts for the format; the default where none does."""
        if self.format == "png":
            return DEFAULT_QUALITY
        jpeg_quality = self.jpeg_quality if self.format == "jpeg" else None
        asked = {quality for quality in (self.quality, jpeg_quality) if quality is not None}
        if len(asked) > 1:
            raise InvalidInput(
                "invalid_parameter",
                "quality and jpegQuality differ.",
                param="quality",
                fix="Send one of them.",
            )
        return asked.pop() if asked else DEFAULT_QUALITY


def as_checked(word: str) -> Any:
    """A word that its form has checked already, for a parameter whose type lists the words."""
    return word
