"""POST /api/v1/compliance and the rulesets: what marketplaces say of a picture, and its fix."""

import asyncio
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pictures
from api.client import Client, assert_problem
from api.neighbour import Neighbour
from api.photos import PDF, png_header, red_box
from api.server import RunningApi
from domain.errors import NotFound
from domain.ids import OrgId, OutputId
from imaging.compliance import Report
from packshot.commands.organizations import Created
from packshot.wiring import open_services

COMPLIANCE = "/api/v1/compliance"
CHANNELS = ["amazon", "ebay", "google", "shopify", "walmart"]
PROCESS = "/api/v1/process"


def file_of(pixels: np.ndarray, image_format: str = "JPEG", quality: int = 95) -> bytes:
    """Pixels as a file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, image_format, quality=quality)
    return file.getvalue()


def good() -> bytes:
    """A packshot that keeps every rule of Amazon."""
    return file_of(pictures.flat(size=(1700, 1700)))


def report_of(client: Client, image: bytes, **fields: Any) -> dict[str, Any]:
    """The one report on a picture."""
    answer = client.post(COMPLIANCE, files={"image": image}, data={"channel": "amazon"} | fields)
    assert answer.status_code == 200, answer.text
    (report,) = answer.json()["reports"]
    return dict(report)


def rule_of(report: dict[str, Any], name: str) -> dict[str, Any]:
    """What one rule found."""
    return next(rule for rule in report["rules"] if rule["rule"] == name)


def test_a_good_picture_passes_with_every_rule_told(client: Client) -> None:
    report = report_of(client, good())

    assert (report["channel"], report["slot"], report["verdict"]) == ("amazon", "main", "pass")
    assert report["ruleset"]["version"] == "2026-11-22.1"
    assert len(report["ruleset"]["hash"]) == 64
    assert {rule["status"] for rule in report["rules"]} == {"pass"}
    assert (report["fixRecipe"], report["fixedOutput"]) == (None, None)
    assert report["notChecked"]
    for rule in report["rules"]:
        assert rule["source"].startswith("https://")
        assert rule["grade"] in {"A", "B"}
        assert rule["checkedOn"] == "2026-11-22"
        assert rule["fix"] is None


def test_a_bad_picture_fails_and_every_rule_says_how_to_mend_it(client: Client) -> None:
    report = report_of(client, red_box())

    white, fill = rule_of(report, "background.pure_white"), rule_of(report, "subject.fill")
    assert report["verdict"] == "fail"
    assert (white["status"], white["level"]) == ("fail", "required")
    assert white["measured"] == "0 % of the background at 255, 255, 255"
    assert white["fix"]["recipe"] == {"background": "white", "shadow": {"mode": "none"}}
    assert white["fix"]["text"].endswith(".")
    assert fill["measured"].startswith("5")
    assert rule_of(report, "size.longest_side_min")["measured"] == "320 px"
    assert report["fixRecipe"]["frame"] == {"targetFill": 0.86}


def test_one_level_below_white_is_seen(client: Client) -> None:
    almost = report_of(client, file_of(pictures.flat(size=(1700, 1700), backdrop=254)))

    assert rule_of(almost, "background.pure_white")["status"] == "fail"


def test_the_fix_recipe_is_what_process_takes(client: Client) -> None:
    photo = file_of(pictures.photo(shadow="contact").pixels)
    recipe = report_of(client, photo)["fixRecipe"]
    source = client.post(
        PROCESS, files={"image": photo}, data={"background": "keep"}
    ).json()["output"]["outputId"]  # fmt: skip

    made = client.post(PROCESS, json={"outputId": source, **recipe})

    assert made.status_code == 200, made.text
    assert made.json()["output"]["width"] == recipe["width"]


@pytest.mark.parametrize("shadow", ["soft", "contact"])
def test_the_applied_fix_passes_its_required_rules(client: Client, shadow: str) -> None:
    photo = file_of(pictures.photo(shadow=shadow, size=(2400, 1800)).pixels)

    answer = client.post(
        COMPLIANCE, files={"image": photo}, data={"channel": "amazon", "fix": "apply"}
    )

    (report,) = answer.json()["reports"]
    output = report["fixedOutput"]
    assert report["verdict"] == "fail"
    assert report["fixedVerdict"] == "pass", report["warnings"]
    assert report["warnings"] == []
    assert output["outputId"].startswith("out_")
    assert output["jobId"].startswith("job_")
    assert "x-log-head" in answer.headers
    again = client.post(COMPLIANCE, json={"outputId": output["outputId"], "channel": "amazon"})
    assert again.json()["reports"][0]["verdict"] == "pass"
    assert client.get(output["url"]).status_code == 200


def test_a_fix_that_does_not_mend_everything_says_so(client: Client) -> None:
    salmon = pictures.photo(colour=(90, 200, 190), backdrop=(250, 160, 130), shadow="none")

    report = report_of(client, file_of(salmon.pixels), fix="apply")

    assert report["fixedVerdict"] == "fail"
    (warning,) = report["warnings"]
    assert warning["code"] == "still_broken"
    assert "background.pure_white (required)" in warning["detail"]
    kept = {warning["code"] for warning in report["fixedOutput"]["warnings"]}
    assert "background_kept" in kept


def test_nothing_is_made_of_a_picture_that_passes(client: Client) -> None:
    answer = client.post(
        COMPLIANCE, files={"image": good()}, data={"channel": "amazon", "fix": "apply"}
    )

    assert answer.json()["reports"][0]["fixedOutput"] is None
    assert "x-log-head" not in answer.headers


def test_a_check_writes_nothing(client: Client) -> None:
    first = client.get("/api/v1/jobs").json()["page"]["total"]

    answer = client.post(COMPLIANCE, files={"image": red_box()}, data={"channel": "amazon"})

    assert "x-log-position" not in answer.headers
    assert client.get("/api/v1/jobs").json()["page"]["total"] == first


def test_without_a_fix_no_recipe_is_told(client: Client) -> None:
    report = report_of(client, red_box(), fix="none")

    assert report["verdict"] == "fail"
    assert report["fixRecipe"] is None
    assert rule_of(report, "background.pure_white")["fix"]["recipe"] is None
    assert rule_of(report, "background.pure_white")["fix"]["text"]


def test_evidence_is_told_where_it_is_asked_for(client: Client) -> None:
    asked, silent = (report_of(client, red_box(), evidence=flag) for flag in ("true", "false"))

    assert asked["rules"][0]["evidence"] == {"overlayUrl": None}
    assert silent["rules"][0]["evidence"] is None


@pytest.mark.parametrize(
    "fields",
    [
        [("channels", "amazon,google")],
        [("channels", "amazon"), ("channels", "google")],
        [("channels[]", "amazon"), ("channels[]", "google")],
        [("channels", "amazon, GOOGLE"), ("channels", "amazon")],
    ],
)
def test_several_channels_are_commas_or_repeats(
    client: Client, fields: list[tuple[str, str]]
) -> None:
    answer = client.post(COMPLIANCE, files={"image": red_box()}, data=fields)

    assert [r["channel"] for r in answer.json()["reports"]] == ["amazon", "google"], answer.text


def test_several_channels_are_a_list_in_json(client: Client) -> None:
    source = client.post(PROCESS, files={"image": red_box()}, data={"width": "64", "height": "64"})

    answer = client.post(
        COMPLIANCE, json={"outputId": source.json()["output"]["outputId"], "channels": CHANNELS}
    )

    assert [report["channel"] for report in answer.json()["reports"]] == CHANNELS


@pytest.mark.parametrize(
    "as_of", ["2027-01-31", "2027-01-31T00:00:00Z", "2027-01-30T23:30:00-01:00"]
)
def test_a_coming_rule_can_be_asked_for(client: Client, as_of: str) -> None:
    image = file_of(pictures.flat(size=(499, 499)))

    today = report_of(client, image, channel="google", asOf="2027-01-30")
    then = report_of(client, image, channel="google", asOf=as_of)

    assert rule_of(today, "size.shortest_side_min")["status"] == "pass"
    assert rule_of(then, "size.shortest_side_min")["status"] == "fail"
    assert rule_of(then, "size.shortest_side_min")["effectiveFrom"] == "2027-01-31"
    assert then["asOf"] == "2027-01-31"


def test_an_additional_picture_has_fewer_rules(client: Client) -> None:
    report = report_of(client, red_box(700, 525), slot="additional")

    assert {rule["rule"] for rule in report["rules"]}.isdisjoint(
        {"background.pure_white", "subject.fill"}
    )
    assert report["verdict"] == "warn"


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({}, 400, "missing_parameter", "channel"),
        ({"channel": "etsy"}, 422, "invalid_parameter", "channel"),
        ({"channel": ""}, 422, "invalid_parameter", "channel"),
        ({"channels": "amazon,etsy"}, 422, "invalid_parameter", "channels"),
        ({"channels": ""}, 422, "invalid_parameter", "channels"),
        ({"channels": "amazon," * 60}, 422, "invalid_parameter", "channels"),
        ({"channel": "amazon", "channels": "google"}, 422, "invalid_parameter", "channels"),
        ({"channel": ["amazon", "google"]}, 422, "duplicate_field", "channel"),
        ({"channel": "amazon", "slot": "third"}, 422, "invalid_parameter", "slot"),
        ({"channel": "amazon", "asOf": "soon"}, 422, "invalid_parameter", "asOf"),
        ({"channel": "amazon", "asOf": "2027-02-30"}, 422, "invalid_parameter", "asOf"),
        ({"channel": "amazon", "asOf": "2027-01-31T00:00"}, 422, "invalid_parameter", "asOf"),
        ({"channel": "amazon", "asOf": "42"}, 422, "invalid_parameter", "asOf"),
        ({"channel": "amazon", "fix": "maybe"}, 422, "invalid_parameter", "fix"),
        ({"channels": "amazon,google", "fix": "apply"}, 422, "invalid_parameter", "fix"),
        ({"channel": "amazon", "evidence": "some"}, 422, "invalid_parameter", "evidence"),
        ({"channel": "amazon", "width": "20"}, 422, "unknown_field", "width"),
        ({"chanel": "amazon"}, 422, "unknown_field", "chanel"),
    ],
)
def test_a_bad_field_is_refused_with_a_fix(
    client: Client, fields: dict[str, Any], status: int, code: str, param: str
) -> None:
    problem = assert_problem(
        client.post(COMPLIANCE, files={"image": red_box()}, data=fields), status, code
    )

    assert problem["param"] == param
    assert problem["fix"]


@pytest.mark.parametrize("fields", [{}, {"channel": "etsy"}, {"channels": "etsy"}])
def test_an_unknown_channel_is_told_the_known_ones(client: Client, fields: dict[str, str]) -> None:
    answer = client.post(COMPLIANCE, files={"image": red_box()}, data=fields)

    assert answer.json()["allowed"]["values"] == CHANNELS


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (PDF, 415, "unsupported_image_format"),
        (b"", 422, "malformed_image"),
        (red_box()[:900], 422, "malformed_image"),
        (png_header(65_535, 65_535), 413, "too_many_pixels"),
    ],
)
def test_a_file_that_is_no_usable_picture_is_refused(
    client: Client, file: bytes, status: int, code: str
) -> None:
    answer = client.post(COMPLIANCE, files={"image": ("a.jpg", file)}, data={"channel": "amazon"})

    assert_problem(answer, status, code)


def test_a_request_without_a_picture_says_what_is_missing(client: Client) -> None:
    answer = client.post(COMPLIANCE, json={"channel": "amazon"})

    assert assert_problem(answer, 400, "missing_parameter")["param"] == "image"


def test_another_organizations_output_is_as_unknown_as_any(client: Client, globex: Created) -> None:
    mine = client.post(PROCESS, files={"image": red_box()}, data={"width": "64", "height": "64"})
    asked = {"outputId": mine.json()["output"]["outputId"], "channel": "amazon"}

    answer = client.with_key(globex.secret).post(COMPLIANCE, json=asked)

    assert_problem(answer, 404, "not_found")
    assert client.post(COMPLIANCE, json=asked).status_code == 200


def test_a_repeat_with_its_key_makes_no_second_picture(client: Client) -> None:
    photo = file_of(pictures.photo(shadow="soft").pixels)

    first, second = (
        client.post(
            COMPLIANCE,
            files={"image": photo},
            data={"channel": "amazon", "fix": "apply"},
            headers={"idempotency-key": "fix-1"},
        )
        for _ in range(2)
    )

    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == first.json()
    assert first.json()["reports"][0]["fixedVerdict"] == "pass"
    assert client.get("/api/v1/jobs").json()["page"]["total"] == 1


def test_a_picture_by_its_address_is_checked(client: Client, neighbour: Neighbour) -> None:
    neighbour.photos["/good.jpg"] = good()

    answer = client.post(
        COMPLIANCE, json={"imageUrl": neighbour.url("/good.jpg"), "channel": "amazon"}
    )

    assert answer.json()["reports"][0]["verdict"] == "pass"


def test_the_rulesets_are_listed_in_pages(client: Client) -> None:
    first = client.get("/api/v1/rulesets?limit=2").json()
    rest = client.get(f"/api/v1/rulesets?limit=9&cursor={first['page']['nextCursor']}").json()

    assert [each["channel"] for each in first["data"] + rest["data"]] == CHANNELS
    assert first["page"] == {
        "from": 1, "to": 2, "total": 5, "nextCursor": first["page"]["nextCursor"]
    }  # fmt: skip
    assert rest["page"]["nextCursor"] is None
    assert all(each["rules"] > 5 for each in first["data"])


def test_a_ruleset_tells_what_holds_and_what_is_to_come(client: Client) -> None:
    today = client.get("/api/v1/rulesets/google?asOf=2026-11-22").json()
    then = client.get("/api/v1/rulesets/google?asOf=2027-01-31").json()

    def least(rules: list[dict[str, Any]]) -> list[float]:
        return [rule["value"] for rule in rules if rule["rule"] == "size.shortest_side_min"]

    assert (least(today["rules"]), least(today["coming"])) == ([100], [500])
    assert (least(then["rules"]), least(then["coming"])) == ([500], [])
    assert today["hash"] == then["hash"]
    assert today["rules"][0]["expected"] == "at least 100 px"


def test_rules_of_an_unknown_channel_are_not_there(client: Client) -> None:
    assert_problem(client.get("/api/v1/rulesets/etsy"), 404, "not_found")
    assert_problem(client.get("/api/v1/rulesets/google?asOf=soon"), 422, "invalid_parameter")


def test_an_output_is_checked_by_its_id_in_its_own_organization(
    client: Client, api: RunningApi, acme: Created, globex: Created
) -> None:
    """What pages and publishes ask: no request, and nobody else's output."""
    made = client.post(PROCESS, files={"image": red_box()}, data={"width": "600", "height": "600"})
    output_id = OutputId.parse(made.json()["output"]["outputId"])

    async def check(org_id: OrgId) -> Report:
        async with open_services(api.settings) as services:
            return await services.compliance.check_output(org_id, output_id, channel="walmart")

    report = asyncio.run(check(acme.org_id))
    assert report.ruleset.channel == "walmart"
    assert report.facts.width_px == 600
    with pytest.raises(NotFound):
        asyncio.run(check(globex.org_id))


def test_a_key_that_may_only_check_makes_no_picture(client: Client) -> None:
    body = {"name": "Checks", "scopes": ["compliance:check"]}
    checks = client.with_key(client.post("/api/v1/keys", json=body).json()["secret"])

    allowed = checks.post(COMPLIANCE, files={"image": red_box()}, data={"channel": "amazon"})
    denied = checks.post(
        COMPLIANCE, files={"image": red_box()}, data={"channel": "amazon", "fix": "apply"}
    )

    assert allowed.status_code == 200
    assert_problem(denied, 403, "scope_missing")
    assert denied.headers["x-accepted-scopes"] == "images:process"


def test_a_key_without_the_scope_checks_nothing(client: Client) -> None:
    body = {"name": "Process", "scopes": ["images:process"]}
    other = client.with_key(client.post("/api/v1/keys", json=body).json()["secret"])

    answer = other.post(COMPLIANCE, files={"image": red_box()}, data={"channel": "amazon"})

    assert_problem(answer, 403, "scope_missing")


def test_a_picture_for_a_worker_is_mended_by_one(client: Client, workers: None) -> None:
    large = file_of(pictures.flat(size=(5000, 5000), backdrop=240), quality=60)

    report = report_of(client, large, fix="apply")

    assert report["fixedVerdict"] == "pass", report["warnings"]
    assert report["fixedOutput"]["width"] == 2000
