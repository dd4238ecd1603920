"""What a form answers to words that it cannot take: what is wrong, and what to send instead."""

from typing import Annotated

import pytest

from domain.errors import Refusal
from packshot.edge.fields import Label
from packshot.edge.forms import Form, read_form, read_json_fields


class Asked(Form):
    image_url: Annotated[str | None, Label(20)] = None


@pytest.mark.parametrize(
    ("value", "detail", "fix"),
    [
        (5, "imageUrl must be a text; got 5.", "Send it as a JSON string, in quotes."),
        (["a"], "imageUrl must be a text; got ['a'].", "Send it as a JSON string, in quotes."),
        ("a\tb", r"imageUrl must be a text without control characters; got a\tb.",
         "Remove its line breaks, tabs and other control characters."),
        ("a" * 21, "imageUrl may have 20 characters; got 21.", "Shorten it to 20 characters."),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_is_told_how_to_mend_it(value: object, detail: str, fix: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_form(Asked, {"imageUrl": value})

    assert refused.value.detail == detail
    assert refused.value.fix == fix
    assert refused.value.allowed == {"maxLength": 20}


@pytest.mark.parametrize("body", [b"[]", b"5", b'"a"', b"null"])
def test_a_body_that_is_no_object_is_told_what_one_is(body: bytes) -> None:
    with pytest.raises(Refusal, match="must be a JSON object") as refused:
        read_json_fields(body)

    assert refused.value.fix == 'Send one JSON object, such as {"field":"value"}.'
