"""A fingerprint is equal for an honest retry, and names what differs in any other."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packshot.edge.fingerprints import changed_fields, fingerprint_of

NAMES = st.text("abcdefgh.ABC", min_size=1, max_size=12).filter(lambda name: name != "accept")
JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(NAMES, JSON, max_size=8)
SHA = st.binary(min_size=32, max_size=32).map(bytes.hex)
# How long an example takes says more about what else the machine does.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def of(values: dict[str, Any], file: str | None = None, *, answers_bytes: bool = False) -> Any:
    files = {} if file is None else {"image": file}
    return fingerprint_of(values, files=files, answers_bytes=answers_bytes)


@patient
@given(FIELDS, SHA, st.randoms())
def test_the_order_of_the_fields_does_not_matter(fields: Any, sha: str, random: Any) -> None:
    items = list(fields.items())
    random.shuffle(items)

    assert of(dict(items), sha) == of(fields, sha)
    assert changed_fields(of(dict(items), sha), of(fields, sha)) == []


@patient
@given(FIELDS, NAMES)
def test_null_is_a_field_left_out(fields: Any, name: str) -> None:
    without = {key: value for key, value in fields.items() if key != name}

    assert of(without | {name: None}) == of(without)


@patient
@given(FIELDS, NAMES, JSON, JSON)
def test_a_field_that_differs_is_named_and_no_other(
    fields: Any, name: str, one: Any, other: Any
) -> None:
    differs = repr(one) != repr(other)  # True == 1 to Python, not to JSON
    changed = changed_fields(of(fields | {name: one}), of(fields | {name: other}))

    if not (one == other and differs):
        assert changed == ([name] if differs else [])


@patient
@given(FIELDS, SHA, SHA)
def test_another_file_is_named_as_its_field(fields: Any, one: str, other: str) -> None:
    fields.pop("image", None)

    assert changed_fields(of(fields, one), of(fields, other)) == (["image"] if one != other else [])
    assert changed_fields(of(fields, one), of(fields)) == ["image"]


@patient
@given(FIELDS)
def test_bytes_instead_of_json_is_another_wish(fields: Any) -> None:
    assert changed_fields(of(fields), of(fields, answers_bytes=True)) == ["accept"]


@pytest.mark.parametrize(
    ("one", "other"), [("1", 1), (True, 1), (True, "true"), ("", []), ("[]", []), (1, 1.0)]
)
def test_text_is_not_the_number_it_reads_as(one: object, other: object) -> None:
    assert changed_fields(of({"a": one}), of({"a": other})) == ["a"]


def test_a_file_is_not_a_field_that_holds_its_hash() -> None:
    assert of({"image": "file " + "0" * 64}) != of({}, "0" * 64)


def test_a_number_that_no_machine_holds_and_half_a_character_have_a_hash() -> None:
    assert len(of({"a": 10**400, "b": float("inf"), "c": "\ud800"})["a"]) == 64
