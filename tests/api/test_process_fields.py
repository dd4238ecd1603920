"""The fields of /process: each value in its range, known names only, every mistake told."""

import pytest

from api.client import Client, assert_problem
from api.photos import red_box

PROCESS = "/api/v1/process"
HUGE = "9" * 400


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        *[("width", value, "width_out_of_range") for value in ("0", "-1", "15", "10001")],
        *[("width", value, "width_out_of_range") for value in ("1e9", "1000000000", "inf")],
        *[
            ("width", v, "invalid_parameter")
            for v in ("abc", "1.5", "", "nan", "２０００", "2_000")
        ],
        ("width", HUGE, "invalid_parameter"),
        ("height", "0", "height_out_of_range"),
        *[
            ("margin", value, "margin_out_of_range")
            for value in ("nan", "0.5", "-0.1", "50%", "inf")
        ],
        *[("margin", value, "margin_out_of_range") for value in ("5000px", "-1px", "99999px")],
        *[("margin", value, "invalid_parameter") for value in ("abc", "", "5 em", "0.1.2")],
        ("marginTop", "0.6", "marginTop_out_of_range"),
        ("marginRight", "-5%", "marginRight_out_of_range"),
        ("marginBottom", "0.6", "marginBottom_out_of_range"),
        ("marginLeft", "0.6", "marginLeft_out_of_range"),
        *[("quality", value, "quality_out_of_range") for value in ("0", "101", "-5")],
        *[("jpegQuality", value, "jpegQuality_out_of_range") for value in ("0", "101")],
        ("frame.targetFill", "86", "frame.targetFill_out_of_range"),
        ("frame.targetFill", "nan", "frame.targetFill_out_of_range"),
        *[("format", value, "invalid_parameter") for value in ("gif", "", "avif")],
        *[("background", v, "invalid_parameter") for v in ("transparent", "#ff0000", "blue")],
        *[("removeBackground", value, "invalid_parameter") for value in ("always", "yes")],
        *[("shadow.mode", v, "invalid_parameter") for v in ("contact", "drop", "", "yes")],
        ("anchor", "middle", "invalid_parameter"),
        ("sku", "a" * 201, "invalid_parameter"),
        ("sku", "a\x00b", "invalid_parameter"),
        ("inputId", "img_1", "invalid_parameter"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_field(
    client: Client, field: str, value: str, code: str
) -> None:
    answer = client.post(PROCESS, files={"image": red_box()}, data={field: value})

    problem = assert_problem(answer, 422, code)
    assert problem["param"] == ("margin" if code == "margin_out_of_range" else field)


def test_a_margin_out_of_range_tells_the_range_and_a_value_that_works(client: Client) -> None:
    answer = client.post(PROCESS, files={"image": red_box()}, data={"margin": "0.8"})

    problem = assert_problem(answer, 422, "margin_out_of_range")
    assert problem["title"] == "Margin is out of range"
    assert problem["detail"] == "margin must be from 0 to 0.49; got 0.8."
    assert problem["allowed"] == {"min": 0, "max": 0.49}
    assert problem["fix"] == "Use margin=0.08 for 8 percent."


def test_a_word_of_a_later_version_says_so(client: Client) -> None:
    answer = client.post(PROCESS, files={"image": red_box()}, data={"removeBackground": "always"})

    problem = assert_problem(answer, 422, "invalid_parameter")
    assert "not supported by this version" in problem["detail"]
    assert problem["allowed"] == {"values": ["auto", "never"]}


@pytest.mark.parametrize(
    ("unknown", "nearest"), [("jpegQualty", "jpegQuality"), ("jpeg_quality", "jpegQuality"),
                             ("widht", "width"), ("zzz", None)]
)  # fmt: skip
def test_an_unknown_field_names_the_known_ones_and_the_nearest(
    client: Client, unknown: str, nearest: str | None
) -> None:
    answer = client.post(PROCESS, files={"image": red_box()}, data={unknown: "80"})

    problem = assert_problem(answer, 422, "unknown_field")
    assert problem["param"] == unknown
    assert {"width", "height", "margin"} <= set(problem["allowed"]["fields"])
    assert problem["fix"] == (f"Did you mean {nearest}?" if nearest else "Leave the field out.")


def test_a_field_given_twice_is_refused(client: Client) -> None:
    fields = [("width", (None, "400")), ("width", (None, "500")), ("image", ("a", red_box()))]

    assert_problem(client.post(PROCESS, files=fields), 422, "duplicate_field")


def test_a_file_given_twice_is_refused(client: Client) -> None:
    files = [("image", ("a", red_box())), ("image", ("b", red_box()))]

    assert_problem(client.post(PROCESS, files=files), 422, "duplicate_field")


def test_several_mistakes_are_told_at_once(client: Client) -> None:
    answer = client.post(
        PROCESS, files={"image": red_box()}, data={"width": "0", "margin": "abc", "colour": "red"}
    )

    problem = assert_problem(answer, 422, "width_out_of_range")
    codes = {(mistake["param"], mistake["code"]) for mistake in problem["errors"]}
    assert codes == {
        ("width", "width_out_of_range"),
        ("margin", "invalid_parameter"),
        ("colour", "unknown_field"),
    }


def test_two_qualities_that_differ_are_refused(client: Client) -> None:
    answer = client.post(
        PROCESS, files={"image": red_box()}, data={"quality": "80", "jpegQuality": "90"}
    )

    assert_problem(answer, 422, "invalid_parameter")


@pytest.mark.parametrize(
    ("fields", "unused"),
    [
        ({"format": "webp", "jpegQuality": "80"}, ["jpegQuality"]),
        ({"format": "png", "quality": "80", "jpegQuality": "90"}, ["jpegQuality", "quality"]),
        ({"format": "jpeg", "jpegQuality": "80"}, []),
    ],
)
def test_a_quality_that_the_format_has_no_use_for_is_told(
    client: Client, fields: dict[str, str], unused: list[str]
) -> None:
    answer = client.post(
        PROCESS, files={"image": red_box()}, data={"width": "64", "height": "64"} | fields
    )

    warnings = answer.json()["output"]["warnings"]
    told = [w["detail"].split()[0] for w in warnings if w["code"] == "field_unused"]
    assert answer.status_code == 200
    assert told == unused


def test_a_png_is_the_same_output_whatever_quality_was_asked(client: Client) -> None:
    wish = {"width": "64", "height": "64", "format": "png"}

    first, second = (
        client.post(PROCESS, files={"image": red_box()}, data=wish | quality).json()["output"]
        for quality in ({}, {"jpegQuality": "50"})
    )

    assert first["outputId"] == second["outputId"]


@pytest.mark.parametrize(
    "fields",
    [
        {"margin": "5%"},
        {"margin": "4px"},
        {"margin": ".05"},
        {"margin": "0.08", "frame.targetFill": "0.9"},
        {"marginTop": "0", "marginLeft": "3 px"},
        {"margin": "-0", "marginTop": "-0px", "marginLeft": "-0%"},
        {"quality": "80", "jpegQuality": "80"},
        {"format": "JPG", "background": "keep", "removeBackground": "never"},
        {"width": "64.0", "presetLabel": "", "sku": "Größe 7", "clientRef": "a/b"},
    ],
)
def test_values_are_read_as_people_write_them(client: Client, fields: dict[str, str]) -> None:
    wish = {"width": "64", "height": "64"} | fields

    assert client.post(PROCESS, files={"image": red_box()}, data=wish).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_request"),
        (b"{", 400, "malformed_request"),
        (b"[1]", 400, "malformed_request"),
        (b'"x"', 400, "malformed_request"),
        (b"\xff\xfe", 400, "malformed_request"),
        (b"[" * 60_000, 400, "malformed_request"),
        (b'{"a":' * 10_000, 400, "malformed_request"),
        (b'{"margin":NaN}', 400, "malformed_request"),
        (b'{"width":' + b"9" * 5000 + b"}", 400, "malformed_request"),
        (b'{"width":1,"width":2}', 422, "duplicate_field"),
        (b'{"sku":"\\ud800"}', 422, "invalid_parameter"),
        (b'{"sku":["a"]}', 422, "invalid_parameter"),
        (b'{"width":true}', 422, "invalid_parameter"),
        (b'{"width":1e999}', 422, "width_out_of_range"),
        (b'{"frame":{"colour":1}}', 422, "unknown_field"),
        (b'{"x":"' + b"a" * 70_000 + b'"}', 413, "file_too_large"),
    ],
)
def test_a_json_body_that_cannot_be_is_refused(
    client: Client, body: bytes, status: int, code: str
) -> None:
    answer = client.post(PROCESS, data=body, headers={"content-type": "application/json"})

    assert_problem(answer, status, code)


@pytest.mark.parametrize(
    "media_type",
    ["application/x-www-form-urlencoded", "image/jpeg", "text/plain", "multipart/mixed"],
)
def test_another_media_type_is_refused_with_those_that_are_read(
    client: Client, media_type: str
) -> None:
    answer = client.post(PROCESS, data=b"width=400", headers={"content-type": media_type})

    problem = assert_problem(answer, 415, "unsupported_media_type")
    assert problem["allowed"] == {"contentTypes": ["multipart/form-data", "application/json"]}


def test_fields_in_the_query_are_refused(client: Client) -> None:
    answer = client.post(PROCESS + "?width=400", files={"image": red_box()})

    assert_problem(answer, 422, "unknown_field")
