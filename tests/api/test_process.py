"""POST /api/v1/process: a product photo in, a packshot out."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO

import pytest
from PIL import Image

from api.client import Client, assert_problem
from api.photos import PDF, SVG, png_header, red_box
from api.server import RunningApi
from packshot.commands.organizations import Created

PROCESS = "/api/v1/process"


def test_a_photo_becomes_a_packshot_of_the_size_asked_for(client: Client) -> None:
    fields = {"width": "400", "height": "300", "margin": "0.1", "presetLabel": "api-test"}

    answer = client.post(PROCESS, files={"image": red_box()}, data=fields)

    assert answer.status_code == 200, answer.text
    output = answer.json()["output"]
    assert (output["width"], output["height"], output["format"]) == (400, 300, "jpeg")
    assert output["outputId"].startswith("out_")
    assert output["jobId"].startswith("job_")
    assert output["url"] == f"/api/v1/outputs/{output['outputId']}/content"
    assert output["cached"] is False
    assert output["generated"] is False
    assert output["preset"] is None
    assert output["presetLabel"] == "api-test"
    assert all(isinstance(edge, int) for edge in output["subject"]["box"])
    assert set(output["timings"]) == {"decodeMs", "processMs", "encodeMs"}
    assert output["createdAt"].endswith("Z")


def test_a_write_tells_the_head_of_the_log(client: Client) -> None:
    answer = client.post(PROCESS, files={"image": red_box()}, data={"width": "64", "height": "64"})

    position, tip, signature = answer.headers["x-log-head"].split(".")
    assert position == answer.headers["x-log-position"]
    assert len(bytes.fromhex(tip)) == 32
    assert len(signature) == 86


def test_the_same_wish_again_is_answered_from_the_store_and_recorded(client: Client) -> None:
    wish = {"width": "64", "height": "64"}
    first = client.post(PROCESS, files={"image": red_box()}, data=wish)

    second = client.post(PROCESS, files={"image": red_box()}, data=wish | {"sku": "B-7"})

    assert second.json()["output"]["cached"] is True
    assert second.json()["output"]["outputId"] == first.json()["output"]["outputId"]
    assert second.json()["output"]["sku"] == "B-7"
    assert int(second.headers["x-log-position"]) > int(first.headers["x-log-position"])


def test_four_identical_requests_at_once_make_one_output(client: Client, api: RunningApi) -> None:
    wish = {"width": "80", "height": "80"}

    with ThreadPoolExecutor(4) as senders:
        answers = list(
            senders.map(
                lambda _: client.post(PROCESS, files={"image": red_box()}, data=wish), range(4)
            )
        )

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["output"]["outputId"] for answer in answers}) == 1
    assert sorted(a.json()["output"]["cached"] for a in answers) == [False, True, True, True]
    assert spool_of(api) == []


@pytest.mark.parametrize(("wished", "decoded"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_accept_image_answers_the_bytes(client: Client, wished: str, decoded: str) -> None:
    wish = {"width": "64", "height": "48", "format": wished}

    answer = client.post(
        PROCESS, files={"image": red_box()}, data=wish, headers={"accept": "image/*"}
    )

    assert answer.status_code == 200
    picture = Image.open(BytesIO(answer.content))
    assert (picture.format, picture.size) == (decoded, (64, 48))
    assert answer.headers["content-type"] == f"image/{decoded.lower()}"
    assert answer.headers["etag"] == f'"{sha256(answer.content).hexdigest()}"'
    assert answer.headers["x-output-id"].startswith("out_")
    assert len(answer.headers["x-recipe-hash"]) == 64
    assert "x-log-head" in answer.headers


def test_json_is_the_answer_by_default(client: Client) -> None:
    answer = client.post(
        PROCESS,
        files={"image": red_box()},
        data={"width": "64", "height": "64"},
        headers={"accept": "*/*"},
    )

    assert answer.headers["content-type"] == "application/json"


def test_an_earlier_output_can_be_processed_again(client: Client) -> None:
    first = client.post(PROCESS, files={"image": red_box()}, data={"width": "64", "height": "64"})
    source = first.json()["output"]["outputId"]

    answer = client.post(
        PROCESS,
        json={"outputId": source, "width": 32, "height": 32, "frame": {"targetFill": 0.9}},
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"]["width"] == 32
    assert client.get(f"/api/v1/outputs/{source}/content").status_code == 200


def test_another_organizations_output_is_as_unknown_as_any(client: Client, globex: Created) -> None:
    first = client.post(PROCESS, files={"image": red_box()}, data={"width": "64", "height": "64"})
    theirs = first.json()["output"]["outputId"]

    answer = client.with_key(globex.secret).post(PROCESS, json={"outputId": theirs})

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("output_id", ["out_00000000000000000000000000", "out_nope", "", "🦆"])
def test_an_unknown_output_is_not_found(client: Client, output_id: str) -> None:
    answer = client.post(PROCESS, json={"outputId": output_id or "out_"})

    assert_problem(answer, 404, "not_found")


def test_a_request_without_a_picture_says_what_is_missing(client: Client) -> None:
    for answer in (
        client.post(PROCESS),
        client.post(PROCESS, json={}),
        client.post(PROCESS, files={"width": (None, "400")}),
    ):
        assert assert_problem(answer, 400, "missing_parameter")["param"] == "image"


def test_two_pictures_are_ambiguous(client: Client) -> None:
    answer = client.post(
        PROCESS,
        files={"image": red_box()},
        data={"outputId": "out_00000000000000000000000000"},
    )

    assert_problem(answer, 400, "ambiguous_input")


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        pytest.param(b"", 422, "malformed_image", id="empty"),
        pytest.param(b"hello, I am a photo", 415, "unsupported_image_format", id="text"),
        pytest.param(PDF, 415, "unsupported_image_format", id="pdf"),
        pytest.param(SVG, 415, "unsupported_image_format", id="svg"),
        pytest.param(red_box()[:900], 422, "malformed_image", id="truncated jpeg"),
        pytest.param(red_box(kind="PNG")[:300], 422, "malformed_image", id="truncated png"),
        pytest.param(png_header(65535, 65535), 413, "too_many_pixels", id="69 bytes of 4 Gpx"),
        pytest.param(png_header(30000, 30000), 413, "too_many_pixels", id="900 MP"),
    ],
)
def test_a_file_that_is_no_usable_picture_is_refused(
    client: Client, api: RunningApi, file: bytes, status: int, code: str
) -> None:
    answer = client.post(PROCESS, files={"image": ("photo.jpg", file)})

    assert assert_problem(answer, status, code)["fix"]
    assert answer.elapsed.total_seconds() < 2
    assert "x-log-position" not in answer.headers
    assert spool_of(api) == []


def test_a_picture_with_trailing_bytes_is_encoded_afresh(client: Client) -> None:
    polyglot = red_box() + b"<script>alert(1)</script>"

    answer = client.post(
        PROCESS, files={"image": polyglot}, data={"width": "64", "height": "64"},
        headers={"accept": "image/jpeg"},
    )  # fmt: skip

    assert answer.status_code == 200
    assert b"<script>" not in answer.content


def spool_of(api: RunningApi) -> list[str]:
    """The uploads that lie in the spool; a render that nobody waits for may still have its own."""
    files = (api.settings.storage_dir / "spool").glob("*.part")
    return [file.name for file in files if not file.name.endswith(".source.part")]
