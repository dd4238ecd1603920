"""The other picture operations: as endpoints, as jobs and as batches, each with its fields."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from api.client import Client, assert_problem
from api.photos import red_box
from api.server import RunningApi
from packshot.commands.organizations import Created

# Each operation's path in the API with fields that make a small picture, and its size.
OPERATIONS: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "upscale": ({"factor": 1.5}, (480, 360)),
    "backgrounds/generate": ({"kind": "sweep", "width": 120, "height": 100}, (120, 100)),
    "relight/shadow": ({"shadow.mode": "drop"}, (320, 240)),
}
EACH = pytest.mark.parametrize("operation", OPERATIONS)


def make(client: Client, operation: str, **options: Any) -> Any:
    fields = OPERATIONS[operation][0] | options.pop("data", {})
    files = options.pop("files", {"image": red_box()})
    return client.post(f"/api/v1/{operation}", files=files, data=fields, **options)


@EACH
def test_an_operation_makes_a_picture_and_records_its_job(client: Client, operation: str) -> None:
    answer = make(client, operation, data={"sku": "B-7", "clientRef": "order 7"})

    assert answer.status_code == 200, answer.text
    output = answer.json()["output"]
    assert (output["width"], output["height"]) == OPERATIONS[operation][1]
    assert (output["sku"], output["clientRef"]) == ("B-7", "order 7")
    job = client.get(f"/api/v1/jobs/{output['jobId']}").json()
    assert (job["operation"], job["status"]) == (operation, "succeeded")
    assert job["outputs"][0]["outputId"] == output["outputId"]


@EACH
def test_the_same_wish_again_is_the_same_output(client: Client, operation: str) -> None:
    first, second = (make(client, operation).json()["output"] for _ in range(2))

    assert (first["cached"], second["cached"]) == (False, True)
    assert first["outputId"] == second["outputId"]


@EACH
def test_two_organizations_get_the_same_bytes(
    client: Client, globex: Created, operation: str
) -> None:
    ours, theirs = (
        make(each, operation).json()["output"] for each in (client, client.with_key(globex.secret))
    )

    assert ours["bytesSha256"] == theirs["bytesSha256"]
    assert ours["outputId"] != theirs["outputId"]


@EACH
def test_the_picture_itself_comes_by_accept(client: Client, operation: str) -> None:
    answer = make(client, operation, headers={"accept": "image/*"})

    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-output-id"].startswith("out_")
    assert Image.open(BytesIO(answer.content)).size == OPERATIONS[operation][1]


@EACH
def test_an_idempotency_key_repeats_the_answer(client: Client, operation: str) -> None:
    headers = {"Idempotency-Key": "one"}
    first, second = (make(client, operation, headers=headers) for _ in range(2))

    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


@EACH
def test_an_operation_starts_from_an_earlier_output(client: Client, operation: str) -> None:
    fields, _ = OPERATIONS[operation]
    packshot = client.post(
        "/api/v1/process", files={"image": red_box()}, data={"width": "320", "height": "240"}
    ).json()["output"]

    answer = client.post(
        f"/api/v1/{operation}", json=nested(fields | {"outputId": packshot["outputId"]})
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"]["outputId"] != packshot["outputId"]


@EACH
def test_another_organizations_output_is_not_there(
    client: Client, globex: Created, operation: str
) -> None:
    theirs = make(client.with_key(globex.secret), operation).json()["output"]["outputId"]

    answer = client.post(f"/api/v1/{operation}", json={"outputId": theirs})

    assert_problem(answer, 404, "not_found")


@EACH
def test_a_worker_does_an_operation_as_a_job(client: Client, workers: None, operation: str) -> None:
    asked = make(client, operation, headers={"prefer": "respond-async"})
    assert asked.status_code == 202, asked.text

    job = client.get(f"/api/v1/jobs/{asked.json()['jobId']}?wait=20").json()

    assert (job["operation"], job["status"]) == (operation, "succeeded"), job
    assert (job["outputs"][0]["width"], job["outputs"][0]["height"]) == OPERATIONS[operation][1]
    at_once = make(client, operation).json()["output"]
    assert at_once["outputId"] == job["outputs"][0]["outputId"]


@EACH
def test_a_batch_does_an_operation_for_each_item(
    client: Client, workers: None, operation: str
) -> None:
    source = client.post(
        "/api/v1/process", files={"image": red_box()}, data={"width": "320", "height": "240"}
    ).json()["output"]["outputId"]
    fields = nested(OPERATIONS[operation][0])
    items = [{"outputId": source}, {"outputId": source, "format": "png", "sku": "two"}]

    asked = client.post("/api/v1/jobs", json={"operation": operation, "items": items, **fields})
    assert asked.status_code == 202, asked.text

    job = client.get(f"/api/v1/jobs/{asked.json()['jobId']}?wait=20").json()
    assert (job["operation"], job["status"]) == (operation, "succeeded"), job
    assert [output["format"] for output in job["outputs"]] == ["jpeg", "png"]


@EACH
def test_an_operation_needs_its_own_scope(api: RunningApi, client: Client, operation: str) -> None:
    answer = make(client.without_key(), operation)

    assert_problem(answer, 401, "key_missing")


@pytest.mark.parametrize(
    ("operation", "fields", "code", "param"),
    [
        ("upscale", {"factor": "1"}, "factor_out_of_range", "factor"),
        ("upscale", {"factor": "nan"}, "factor_out_of_range", "factor"),
        ("upscale", {"factor": "two"}, "invalid_parameter", "factor"),
        ("upscale", {"factor": "2", "targetWidth": "600"}, "invalid_parameter", "factor"),
        ("upscale", {"targetWidth": "10001"}, "targetWidth_out_of_range", "targetWidth"),
        ("upscale", {"targetWidth": "320"}, "targetWidth_out_of_range", "targetWidth"),
        ("upscale", {"targetHeight": "1000"}, "targetHeight_out_of_range", "targetHeight"),
        ("upscale", {"mode": "anime"}, "invalid_parameter", "mode"),
        ("upscale", {"width": "500"}, "unknown_field", "width"),
        ("backgrounds/generate", {"kind": "surface"}, "invalid_parameter", "kind"),
        ("backgrounds/generate", {"kind": "moon"}, "invalid_parameter", "kind"),
        ("backgrounds/generate", {"scene": "marble"}, "invalid_parameter", "scene"),
        ("backgrounds/generate", {"scene": "moon"}, "invalid_parameter", "scene"),
        (
            "backgrounds/generate", {"scene": "podium", "kind": "solid"}, "invalid_parameter",
            "scene",
        ),
        ("backgrounds/generate", {"colors": "red"}, "invalid_parameter", "colors"),
        ("backgrounds/generate", {"colors": "#fff,#eee,#ddd,#ccc"}, "invalid_parameter", "colors"),
        ("backgrounds/generate", {"seed": "-1"}, "seed_out_of_range", "seed"),
        ("backgrounds/generate", {"composite": "maybe"}, "invalid_parameter", "composite"),
        ("backgrounds/generate", {"engine": "any"}, "invalid_parameter", "engine"),
        ("backgrounds/generate", {"margin": "0.6"}, "margin_out_of_range", "margin"),
        ("backgrounds/generate", {"factor": "2"}, "unknown_field", "factor"),
        ("relight/shadow", {"shadow.mode": "cast"}, "invalid_parameter", "shadow.mode"),
        ("relight/shadow", {"shadow.mode": "sun"}, "invalid_parameter", "shadow.mode"),
        (
            "relight/shadow", {"shadow.opacity": "2"}, "shadow.opacity_out_of_range",
            "shadow.opacity",
        ),
        (
            "relight/shadow", {"shadow.spread": "nan"}, "shadow.spread_out_of_range",
            "shadow.spread",
        ),
        ("relight/shadow", {"shadow.color": "black"}, "invalid_parameter", "shadow.color"),
        (
            "relight/shadow", {"light.direction": "361"}, "light.direction_out_of_range",
            "light.direction",
        ),
        (
            "relight/shadow", {"light.elevation": "-1"}, "light.elevation_out_of_range",
            "light.elevation",
        ),
        ("relight/shadow", {"light.strength": "1"}, "invalid_parameter", "light.strength"),
        ("relight/shadow", {"exposure": "2.5"}, "exposure_out_of_range", "exposure"),
        ("relight/shadow", {"whiteBalance": "5000"}, "invalid_parameter", "whiteBalance"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_its_name(
    client: Client, operation: str, fields: dict[str, str], code: str, param: str
) -> None:
    answer = client.post(f"/api/v1/{operation}", files={"image": red_box()}, data=fields)

    assert assert_problem(answer, 422, code)["param"] == param


def test_a_field_of_another_operation_is_refused_with_the_operation(client: Client) -> None:
    answer = client.post(
        "/api/v1/jobs",
        files={"image": red_box()},
        data={"operation": "upscale", "margin": "0.1"},
    )

    problem = assert_problem(answer, 422, "unknown_field")
    assert problem["detail"].startswith("There is no field margin of upscale;")
    assert "factor" in problem["allowed"]["fields"]


def test_a_result_of_more_pixels_a_side_than_are_made_is_refused(client: Client) -> None:
    answer = client.post(
        "/api/v1/upscale", files={"image": red_box(4000, 16)}, data={"factor": "4"}
    )

    assert_problem(answer, 413, "too_many_pixels")


def test_a_made_backdrop_is_told_as_generated_and_with_the_words_that_meant_nothing(
    client: Client,
) -> None:
    fields = {"prompt": "White marble podium", "width": "100", "height": "100"}

    output = client.post(
        "/api/v1/backgrounds/generate", files={"image": red_box()}, data=fields
    ).json()["output"]

    assert output["generated"] is True
    told = {warning["code"]: warning["detail"] for warning in output["warnings"]}
    assert told["words_ignored"] == "These words of the prompt mean nothing here: marble."


@pytest.mark.parametrize("operation", ["backgrounds/generate", "relight/shadow"])
def test_a_subject_that_cannot_be_told_from_its_backdrop_is_refused_with_a_way_out(
    client: Client, operation: str
) -> None:
    answer = make(client, operation, files={"image": clutter()})

    assert "transparency" in assert_problem(answer, 422, "subject_not_found")["fix"]


def test_a_backdrop_alone_needs_no_subject(client: Client) -> None:
    answer = make(
        client, "backgrounds/generate", files={"image": clutter()}, data={"composite": "false"}
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"]["subject"] is None


def clutter() -> bytes:
    """A picture without any plain backdrop."""
    noise = np.random.default_rng(5).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(noise).resize((320, 240)).save(file, "JPEG")
    return file.getvalue()


def nested(fields: dict[str, Any]) -> dict[str, Any]:
    """Dotted fields as JSON writes them."""
    told: dict[str, Any] = {}
    for name, value in fields.items():
        outer, dot, inner = name.partition(".")
        if dot:
            told.setdefault(outer, {})[inner] = value
        else:
            told[name] = value
    return told
