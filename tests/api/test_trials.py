"""The endpoints without a key: a picture made and forgotten, within limits, where they are on."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator
from PIL import Image

from api.client import Client, assert_problem
from api.photos import PDF, red_box
from api.server import RunningApi, running_api
from domain.errors import Refusal
from packshot.app import ENDPOINTS, TRIALS
from packshot.commands.making import Photo, Wish
from packshot.config import Settings
from packshot.wiring import open_services

OPERATIONS = {
    "process": {"width": "120", "height": "100"},
    "upscale": {"factor": "1.5"},
    "backgrounds/generate": {"kind": "gradient", "width": "120", "height": "100"},
    "relight/shadow": {"shadow.mode": "drop"},
}
EACH = pytest.mark.parametrize("operation", OPERATIONS)


@pytest.fixture(scope="module")
def open_api(settings: Settings) -> Iterator[RunningApi]:
    """An API that lets callers without a key try."""
    with running_api(replace(settings, public_api=True)) as running:
        yield running


@pytest.fixture
def anyone(open_api: RunningApi) -> Iterator[Client]:
    with requests.Session() as session:
        yield Client(open_api.base_url, session, None)


def stored(settings: Settings) -> set[Path]:
    return {path for path in settings.storage_dir.rglob("*") if path.is_file()}


@EACH
def test_a_picture_is_made_and_nothing_is_kept(
    anyone: Client, settings: Settings, operation: str
) -> None:
    before = stored(settings)

    answer = anyone.post(
        f"/api/{operation}",
        files={"image": red_box()},
        data=OPERATIONS[operation] | {"sku": "B-7"},
    )

    assert answer.status_code == 200, answer.text
    output = answer.json()["output"]
    assert (output["outputId"], output["jobId"]) == (None, None)
    kind, _, data = output["url"].partition(";base64,")
    assert kind == "data:image/jpeg"
    picture = b64decode(data, validate=True)
    assert sha256(picture).hexdigest() == output["bytesSha256"]
    assert Image.open(BytesIO(picture)).size == (output["width"], output["height"])
    assert output["sku"] == "B-7"
    assert "x-log-position" not in answer.headers
    assert stored(settings) == before


@EACH
def test_it_is_the_picture_that_a_key_gets(anyone: Client, client: Client, operation: str) -> None:
    options = {"files": {"image": red_box()}, "data": OPERATIONS[operation]}

    without = anyone.post(f"/api/{operation}", **options).json()["output"]
    with_key = client.post(f"/api/v1/{operation}", **options).json()["output"]

    for member in ("bytesSha256", "pixelSha256", "recipeHash", "engine", "subject", "warnings"):
        assert without[member] == with_key[member]
    assert set(without) == set(with_key)


def test_the_bytes_come_by_accept(anyone: Client) -> None:
    answer = anyone.post(
        "/api/process",
        files={"image": red_box()},
        data=OPERATIONS["process"] | {"format": "png"},
        headers={"accept": "image/*"},
    )

    assert answer.headers["content-type"] == "image/png"
    assert len(answer.headers["x-recipe-hash"]) == 64
    assert Image.open(BytesIO(answer.content)).size == (120, 100)


@EACH
def test_there_is_nothing_at_these_addresses_where_they_are_off(
    client: Client, operation: str
) -> None:
    answer = client.without_key().post(f"/api/{operation}", files={"image": red_box()})

    assert_problem(answer, 404, "not_found")


def test_a_picture_of_five_megapixels_is_refused_with_the_limit(anyone: Client) -> None:
    answer = anyone.post("/api/process", files={"image": red_box(2500, 2000)})

    problem = assert_problem(answer, 413, "too_many_pixels")
    assert problem["allowed"]["maxPixels"] == 4_000_000
    assert problem["detail"].startswith("Without a key: the picture is 2500 × 2000 pixels")
    assert "4 megapixels" in problem["detail"]
    assert "with a key: up to 100 megapixels" in problem["fix"]


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("process", {"width": "3000", "height": "2000"}),
        ("upscale", {"factor": "4"}),
        ("backgrounds/generate", {"width": "9000", "height": "9000"}),
    ],
)
def test_a_result_of_more_than_four_megapixels_is_refused(
    anyone: Client, operation: str, fields: dict[str, str]
) -> None:
    answer = anyone.post(f"/api/{operation}", files={"image": red_box(1000, 800)}, data=fields)

    assert_problem(answer, 413, "too_many_pixels")


@pytest.mark.parametrize(
    "field", ["imageUrl", "outputId", "inputId", "webhookUrl", "operation", "items"]
)
@EACH
def test_nothing_but_a_file_is_taken(anyone: Client, operation: str, field: str) -> None:
    answer = anyone.post(
        f"/api/{operation}", files={"image": red_box()}, data={field: "https://example.com/a.jpg"}
    )

    assert assert_problem(answer, 422, "unknown_field")["param"] == field


def test_what_is_no_request_for_a_picture_is_refused(anyone: Client) -> None:
    refused = {
        "no file": (anyone.post("/api/process", data={}), 400, "missing_parameter"),
        "JSON": (anyone.post("/api/process", json={}), 415, "unsupported_media_type"),
        "no picture": (
            anyone.post("/api/process", files={"image": PDF}), 415, "unsupported_image_format",
        ),
        "a key in the query": (
            anyone.post("/api/process?api_key=pshot_live_x", files={"image": red_box()}),
            400, "key_in_query",
        ),
        "a wrong width": (
            anyone.post("/api/process", files={"image": red_box()}, data={"width": "1"}),
            422, "width_out_of_range",
        ),
    }  # fmt: skip

    for answer, status, code in refused.values():
        assert_problem(answer, status, code)


def test_an_address_has_thirty_a_minute_and_is_told_how_many_are_left(anyone: Client) -> None:
    first = anyone.post("/api/process", data={})
    answers = [anyone.post("/api/process", data={}) for _ in range(31)]

    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == (
        "30", "29",
    )  # fmt: skip
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert_problem(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1


def test_those_without_a_key_never_hold_every_renderer(settings: Settings, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(red_box())

    async def one_too_many() -> tuple[int, str]:
        four = replace(settings, render_children=4)
        async with open_services(four, render=False) as services:
            trials = services.trials
            trials.under_way = trials.most_at_once
            with pytest.raises(Refusal) as refused:
                await trials.make(Photo(photo, "", 0), Wish(None))  # type: ignore[arg-type] # is not asked
            return trials.most_at_once, refused.value.code

    assert asyncio.run(one_too_many()) == (2, "concurrency_limited")


def test_the_document_tells_of_them_where_they_are_on(anyone: Client, client: Client) -> None:
    document = anyone.get("/api/v1/openapi").json()
    closed = client.get("/api/v1/openapi").json()

    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    for endpoint in TRIALS:
        operation = document["paths"][endpoint.path]["post"]
        assert operation["security"] == []
        assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]
        assert "429" in operation["responses"]
    assert len(document["paths"]) == len(closed["paths"]) + len(TRIALS)
    assert not {endpoint.path for endpoint in TRIALS} & set(closed["paths"])
    assert not {endpoint.path for endpoint in TRIALS} & {endpoint.path for endpoint in ENDPOINTS}


def test_a_picture_is_judged_and_nothing_is_kept(anyone: Client, settings: Settings) -> None:
    before = stored(settings)

    answer = anyone.post(
        "/api/compliance",
        files={"image": red_box()},
        data={"channels": "amazon,google", "asOf": "2027-01-31"},
    )

    assert answer.status_code == 200, answer.text
    amazon, google = answer.json()["reports"]
    assert (amazon["verdict"], google["asOf"]) == ("fail", "2027-01-31")
    assert amazon["fixRecipe"]["frame"] == {"targetFill": 0.86}
    assert amazon["fixedOutput"] is None
    assert "x-log-position" not in answer.headers
    assert stored(settings) == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"channel": "amazon", "fix": "apply"}, "invalid_parameter"),
        ({"channel": "etsy"}, "invalid_parameter"),
        ({"channel": "amazon", "imageUrl": "https://example.com/a.jpg"}, "unknown_field"),
        ({"channel": "amazon", "outputId": "out_1"}, "unknown_field"),
    ],
)
def test_what_a_check_without_a_key_cannot_do_is_refused(
    anyone: Client, fields: dict[str, str], code: str
) -> None:
    answer = anyone.post("/api/compliance", files={"image": red_box()}, data=fields)

    assert assert_problem(answer, 422, code)["fix"]


def test_a_check_without_a_key_takes_small_pictures_only(anyone: Client) -> None:
    answer = anyone.post(
        "/api/compliance", files={"image": red_box(2500, 2000)}, data={"channel": "amazon"}
    )

    assert_problem(answer, 413, "too_many_pixels")


def test_a_check_without_a_key_is_there_only_where_it_is_on(client: Client) -> None:
    answer = client.without_key().post("/api/compliance", files={"image": red_box()})

    assert_problem(answer, 404, "not_found")
