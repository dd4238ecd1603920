"""The Studio: a photo in, a picture out, adjusted while one looks at it; and what may go wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Request, Route, expect

from api.conftest import found
from api.photos import red_box
from api.server import RunningApi
from domain.roles import Role
from packshot.commands.organizations import Created
from pages.conftest import Http, Opener, SignedIn, join
from pages.looking import Watched, assert_sound, keep_picture
from pictures import not_pictures, photo, truncated

MADE = "#made[data-output]"


@pytest.fixture(scope="module")
def bottle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo whose product is found, on a light backdrop."""
    folder = tmp_path_factory.mktemp("photos")
    return photo(shape="bottle", size=(900, 1100), share=0.7).save(folder / "amber bottle.jpg")


@pytest.fixture(scope="module")
def mug(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another photo."""
    return photo(shape="ball", size=(800, 800)).save(tmp_path_factory.mktemp("photos") / "mug.jpg")


@pytest.fixture
def viewer(api: RunningApi, acme: Created) -> SignedIn:
    """Somebody who may only look."""
    return join(api, acme.org_id, Role.VIEWER)


def send(http: Http, file: Path, **fields: str) -> requests.Response:
    """Have a photo made as the page's script does."""
    with file.open("rb") as image:
        return http.post(
            "/studio/render",
            files={"image": (file.name, image, "image/jpeg")},
            data={"width": "400", "height": "400", **fields},
            headers={"hx-request": "true"},
        )


def output_of(answer: requests.Response) -> str:
    """The id of the output that an answer shows."""
    assert answer.status_code == 200, answer.text
    return answer.text.partition('data-output="')[2].partition('"')[0]


def never_answered(_route: Route) -> None:
    """What a server does that takes too long."""


def drop(page: Page, *files: tuple[str, str, int]) -> None:
    """Drop files of that name, type and number of bytes on the stage."""
    page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, type, size] of files)
                transfer.items.add(new File([new Uint8Array(size)], name, { type }));
            document.getElementById("stage").dispatchEvent(
                new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [list(file) for file in files],
    )


@pytest.mark.browser
def test_the_studio_is_sound_empty_and_with_a_picture_in_every_view(
    open_page: Opener, bottle: Path, pictures_folder: Path | None
) -> None:
    watched = open_page("/studio")
    page = watched.page
    expect(page.get_by_text("Drop a product photo")).to_be_visible()
    keep_picture(watched, pictures_folder, "studio-empty")
    assert_sound(watched)

    page.set_input_files("#file", bottle)
    expect(page.locator(MADE)).to_be_attached(timeout=20_000)
    expect(page.locator("#status")).to_be_empty()
    expect(page.locator("#floor")).to_have_attribute("data-view", "slider")
    expect(page.locator("#compliance .checks")).to_be_visible(timeout=20_000)
    keep_picture(watched, pictures_folder, "studio-made")
    assert_sound(watched)

    page.get_by_text("Side by side").click()
    keep_picture(watched, pictures_folder, "studio-side")
    page.locator(".seg").get_by_text("Background").click()
    expect(page.get_by_label("Backdrop")).to_be_visible()
    expect(page.locator("#snippet")).to_contain_text("/api/v1/backgrounds/generate")
    drop(page, ("notes.txt", "text/plain", 300))
    expect(page.locator("#problem")).to_contain_text("accepted", timeout=20_000)
    keep_picture(watched, pictures_folder, "studio-refused")
    assert_sound(watched)


@pytest.mark.browser
def test_a_changed_control_makes_the_picture_anew_from_the_photo_that_was_sent_once(
    open_page: Opener, bottle: Path
) -> None:
    page = open_page("/studio").page
    renders: list[Request] = []
    page.on(
        "request",
        lambda asked: renders.append(asked) if asked.url.endswith("/studio/render") else None,
    )
    page.set_input_files("#file", bottle)
    expect(page.locator(MADE)).to_be_attached(timeout=20_000)
    first = page.get_attribute("#made", "data-output")

    page.get_by_label("Width").fill("640")
    page.get_by_label("Height").fill("320")
    page.get_by_label("Format").select_option("webp")

    expect(page.locator("#made")).to_contain_text("640 × 320 px", timeout=20_000)
    expect(page.locator("#made")).to_contain_text("WEBP", timeout=20_000)
    assert page.get_attribute("#made", "data-output") != first
    assert "output=" + str(page.get_attribute("#made", "data-output")) in page.url
    expect(page.get_by_label("Preset")).to_have_value("")
    box = page.locator("#after").bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(2 * box["height"], rel=0.02)
    first_bytes, *later_bytes = (int(one.all_headers()["content-length"]) for one in renders)
    assert first_bytes > bottle.stat().st_size
    assert later_bytes
    assert max(later_bytes) < 5000  # the fields, and the name of the output


@pytest.mark.browser
def test_the_product_stays_where_it_is_when_the_slider_moves(
    open_page: Opener, bottle: Path
) -> None:
    page = open_page("/studio").page
    page.set_input_files("#file", bottle)
    expect(page.locator(MADE)).to_be_attached(timeout=20_000)

    shares = page.evaluate(
        """() => {
            const made = document.getElementById("made").dataset;
            const [left, , width] = made.box.split(" ").map(Number);
            const [from, , across] = made.sourceBox.split(" ").map(Number);
            const before = document.getElementById("before").getBoundingClientRect();
            const after = document.getElementById("after").getBoundingClientRect();
            const scale = before.width / document.getElementById("before").naturalWidth;
            const unit = after.width / made.width;
            return [before.left + from * scale, after.left + left * unit,
                    across * scale, width * unit];
        }"""
    )
    assert shares[0] == pytest.approx(shares[1], abs=1.5)
    assert shares[2] == pytest.approx(shares[3], abs=1.5)

    page.focus("#split")
    page.keyboard.press("End")
    assert page.input_value("#split") == "100"
    assert "100%" in page.evaluate("getComputedStyle(document.getElementById('after')).clipPath")


@pytest.mark.browser
def test_what_is_no_photo_is_told_in_place_and_the_former_picture_stays(
    open_page: Opener, bottle: Path, tmp_path: Path
) -> None:
    page = open_page("/studio").page
    page.set_input_files("#file", bottle)
    expect(page.locator(MADE)).to_be_attached(timeout=20_000)
    former = page.get_attribute("#made", "data-output")
    problem = page.locator("#problem")

    drop(page, ("huge.jpg", "image/jpeg", 60 * 2**20))
    expect(problem).to_contain_text("huge.jpg has 60 MB; up to 50 MB are accepted.")
    drop(page, ("one.jpg", "image/jpeg", 10), ("two.jpg", "image/jpeg", 10))
    expect(problem).to_contain_text("Those are 2 files.")
    drop(page)
    expect(problem).to_contain_text("There is no photo in what was dropped.")
    for name, content, told in (
        ("broken.jpg", truncated("JPEG"), "The JPEG file is broken"),
        ("drawing.svg", not_pictures()["SVG"], "The file looks like an SVG drawing"),
    ):
        wrong = tmp_path / name
        wrong.write_bytes(content)
        page.set_input_files("#file", wrong)
        expect(problem.get_by_role("alert")).to_contain_text(told, timeout=20_000)

    assert page.get_attribute("#made", "data-output") == former
    expect(page.locator("#after")).to_be_visible()
    page.get_by_label("Format").select_option("png")
    expect(page.locator("#made")).to_contain_text("PNG", timeout=20_000)
    expect(problem).to_be_empty()


@pytest.mark.browser
def test_what_breaks_a_rule_of_amazons_is_told_and_mended(open_page: Opener) -> None:
    page = open_page("/studio").page
    page.get_by_role("button", name="Bottle").click()
    rules = page.locator("#compliance")
    expect(rules).to_contain_text("Broken:", timeout=20_000)
    expect(rules).to_contain_text("Pure white background")

    page.get_by_role("button", name="Mend what can be mended").click()

    expect(page.get_by_label("Preset")).to_have_value("Amazon main image")
    expect(rules.locator(".chip")).to_have_text("12 of 12", timeout=30_000)


def test_an_output_is_judged_for_members_of_its_organization(
    http: Http, api: RunningApi, viewer: SignedIn, bottle: Path
) -> None:
    path = f"/studio/compliance?output={output_of(send(http, bottle))}"
    stranger = Http(api.base_url, join(api, found(api.settings, "Globex").org_id, Role.OWNER))

    assert "Large enough to zoom" in http.get(path).text
    assert stranger.get(path).status_code == 404
    assert Http(api.base_url, viewer).get(path).status_code == 403
    assert http.get("/studio/compliance").status_code == 422


@pytest.mark.browser
def test_a_server_that_is_away_is_told_and_asked_again(open_page: Opener, bottle: Path) -> None:
    page = open_page("/studio").page
    page.route("**/studio/render", lambda route: route.abort())
    page.set_input_files("#file", bottle)
    expect(page.locator("#problem")).to_contain_text("Packshot cannot be reached.")
    page.unroute("**/studio/render")

    page.get_by_role("button", name="Try again").click()

    expect(page.locator(MADE)).to_be_attached(timeout=20_000)
    expect(page.locator("#problem")).to_be_empty()


@pytest.mark.browser
def test_an_answer_that_comes_too_late_is_never_shown(
    open_page: Opener, bottle: Path, mug: Path
) -> None:
    page = open_page("/studio").page
    page.route("**/studio/render", never_answered)
    page.set_input_files("#file", bottle)
    page.wait_for_function("document.getElementById('floor').dataset.view === 'waiting'")
    page.unroute("**/studio/render")
    page.set_input_files("#file", mug)

    expect(page.locator("#source")).to_contain_text("mug.jpg", timeout=20_000)
    expect(page.locator("#status")).to_be_empty()
    expect(page.locator("#problem")).to_be_empty()


@pytest.fixture
def printed(open_page: Opener) -> Watched:
    """The Studio with small pictures, so that what it prints is quickly done."""
    watched = open_page("/studio")
    watched.page.get_by_label("Width").fill("300")
    watched.page.get_by_label("Height").fill("200")
    watched.page.get_by_label("Format").select_option("png")
    return watched


@pytest.mark.browser
def test_what_is_printed_as_an_api_call_runs_as_printed(
    printed: Watched, bottle: Path, tmp_path: Path, acme: Created
) -> None:
    (tmp_path / "product.jpg").write_bytes(bottle.read_bytes())
    commands = {
        "cURL": ("call.sh", ["sh", "call.sh"]),
        "Python": ("call.py", ["python3", "call.py"]),
        "JavaScript": ("call.mjs", ["node", "call.mjs"]),
    }
    for language, (name, command) in commands.items():
        printed.page.locator(".seg").get_by_text(language).click()
        text = printed.page.inner_text("#snippet")
        (tmp_path / name).write_text(text.replace("YOUR_API_KEY", acme.secret))
        program = sys.executable if command[0] == "python3" else command[0]
        ended = subprocess.run(
            [program, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, (language, ended.stderr)
        assert "out_" in ended.stdout, (language, ended.stdout)


def test_an_earlier_output_is_opened_with_its_controls_and_only_in_its_organization(
    http: Http, api: RunningApi, bottle: Path
) -> None:
    output_id = output_of(send(http, bottle, format="webp", quality="71", margin="0.2"))

    page = http.get(f"/studio?output={output_id}")
    again = http.post("/studio/render", data={"againOf": output_id, "width": "200"})
    stranger = Http(api.base_url, join(api, found(api.settings, "Globex").org_id, Role.OWNER))

    assert page.status_code == 200
    assert 'name="margin" min="0" max="0.4" step="0.01" value="0.2"' in page.text
    assert '<option value="webp" selected>' in page.text
    assert 'value="71"' in page.text
    assert output_of(again) != output_id
    for answer in (
        stranger.get(f"/studio?output={output_id}"),
        stranger.get(f"/outputs/{output_id}/content"),
        stranger.post("/studio/render", data={"againOf": output_id}),
        http.get("/studio?output=out_nothing"),
    ):
        assert answer.status_code == 404
    assert output_id not in stranger.get("/studio").text


def test_the_bytes_of_an_output_are_safe_and_kept(http: Http, bottle: Path) -> None:
    output_id = output_of(send(http, bottle))

    answer = http.get(f"/outputs/{output_id}/content")
    tag = answer.headers["etag"]

    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = http.get(f"/outputs/{output_id}/content", headers={"if-none-match": tag})
    assert again.status_code == 304


def test_every_operation_is_made_as_the_api_makes_it(http: Http, bottle: Path) -> None:
    def made(**fields: str) -> requests.Response:
        with bottle.open("rb") as image:
            return http.post("/studio/render", files={"image": image}, data=fields)

    for fields in (
        {"operation": "upscale", "factor": "1.5", "mode": "photo"},
        {"operation": "backgrounds/generate", "kind": "solid", "colors": "#e9e2d8",
         "width": "300", "height": "300"},
        {"operation": "relight/shadow", "shadow.mode": "drop", "light.direction": "90"},
    ):  # fmt: skip
        output_id = output_of(made(**fields))
        opened = http.get(f"/studio?output={output_id}").text
        assert f'value="{fields["operation"]}" checked' in opened

    refused = made(operation="upscale", width="300")
    assert refused.status_code == 422
    assert "There is no field width of upscale" in refused.text


def test_only_members_on_our_own_pages_make_pictures(
    http: Http, api: RunningApi, viewer: SignedIn, bottle: Path
) -> None:
    looker = Http(api.base_url, viewer)

    foreign = http.post("/studio/render", headers={"origin": "https://evil.example"})
    without_token = http.post(
        "/studio/render", files={"image": b"x"}, headers={"x-page-token": None}
    )

    assert foreign.status_code == 403
    assert without_token.status_code == 403
    assert send(looker, bottle).status_code == 403
    assert "You can look at pictures here" in looker.get("/studio").text
    assert Http(api.base_url, None).get("/studio").status_code == 303


def test_names_with_html_are_shown_as_they_are(http: Http, acme: Created, bottle: Path) -> None:
    answer = requests.post(
        http.base_url + "/api/v1/process",
        headers={"x-api-key": acme.secret},
        files={"image": bottle.read_bytes()},
        data={"sku": "<img src=x onerror=alert(1)>", "width": "100", "height": "100"},
        timeout=30,
    )
    assert answer.status_code == 200

    page = http.get("/studio").text

    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_photo_too_large_to_be_made_here_is_made_by_a_worker(
    http: Http, workers: None, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(red_box(6000, 4100))

    answer = send(http, large, width="200", height="200")

    assert answer.status_code == 200
    assert "data-output=" in answer.text or "data-waiting=" in answer.text
