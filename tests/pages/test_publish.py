"""Direct publish and its activity: a dry run, the publish, drift, the undo, and what is kept."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from api.client import Client
from api.photos import red_box
from api.server import RunningApi
from domain.roles import Role
from packshot.commands.organizations import Created
from pages.conftest import Http, Opener, join
from pages.looking import look_at
from pages.shopping import connected, heads_of, synced
from shop import Shop, an_image

pytestmark = pytest.mark.browser

HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script>"
SKU = "MUG 1/2"
UNKNOWN = "pub_01m82d4nnsewetr5vq60vbjh5p"


@dataclass(frozen=True, slots=True)
class Desk:
    """A connected shop with a mug, and an output that can be published to it."""

    http: Http
    api: RunningApi
    shop: Shop
    client: Client
    integration_id: str
    item_id: str
    output_id: str

    @property
    def choice(self) -> dict[str, str]:
        return {"output": self.output_id, "item": self.item_id}

    def dry_run(self, **more: str) -> str:
        """The text of a dry run."""
        answer = self.http.get("/publish/review", params=self.choice | more)
        assert answer.status_code == 200, answer.text
        return answer.text

    def publish(self, **more: str) -> str:
        """The address of a publish that was looked at before."""
        found = re.search(r'name="baseDigest" value="(\w+)"', self.dry_run())
        assert found is not None
        fields = self.choice | {"baseDigest": found[1], "anyway": "yes"} | more
        answer = self.http.post("/publish", data=fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def ended(self, address: str) -> str:
        """The page of a publish, once its job has ended."""
        told = self.client.get(f"/api/v1{address}").json()
        self.client.get(f"/api/v1/jobs/{told['jobId']}", params={"wait": 20}, timeout=30)
        return self.http.get(address).text


@pytest.fixture
def desk(
    http: Http, api: RunningApi, acme: Created, shop_server: Shop, projecting: None
) -> Iterator[Desk]:
    """A desk with one product of two pictures."""
    shop_server.reopen(products=0, picture=red_box(600, 600))
    shop_server.put(
        SKU, title=HOSTILE, images=[an_image(SKU, alt="The mug"), an_image(SKU, slot="pt01")]
    )
    integration_id = connected(http, shop_server)
    (item,) = synced(http, api, acme, integration_id)
    with requests.Session() as session:
        client = Client(api.base_url, session, acme.secret)
        made = client.post(
            "/api/v1/process", files={"image": ("box.jpg", red_box(900, 700), "image/jpeg")}
        )
        yield Desk(
            http, api, shop_server, client, integration_id, item["itemId"],
            made.json()["output"]["outputId"],
        )  # fmt: skip


def test_every_state_of_publishing_is_sound(
    open_page: Opener, desk: Desk, pictures_folder: Path | None
) -> None:
    watched = open_page("/publishes")
    look = partial(look_at, watched, folder=pictures_folder)

    look("/publishes", "publishes-empty")
    look("/publish", "publish-choose")
    look(f"/publish?output={desk.output_id}&item={desk.item_id}", "publish-chosen")
    look(f"/publish/review?output={desk.output_id}&item={desk.item_id}", "publish-review")
    address = desk.publish()
    desk.ended(address)
    look(address, "publish-live")
    look(f"{address}/undo", "publish-undo")
    drift(desk)
    desk.http.post(f"{address}/verify")
    look(address, "publish-drifted")
    look(f"{address}/undo", "publish-undo-drifted")
    look("/publishes", "publishes")
    desk.shop.products.clear()
    look(f"/publish/review?output={desk.output_id}&item={desk.item_id}", "publish-vanished")


def drift(desk: Desk) -> None:
    """Change the listing behind our back."""
    desk.shop.put(SKU, title=HOSTILE, images=[an_image("OTHER")])


def test_a_picture_is_published_verified_and_taken_back_in_the_browser(
    open_page: Opener, desk: Desk
) -> None:
    watched = open_page(f"/publish?output={desk.output_id}")
    page = watched.page

    page.get_by_role("link", name=SKU).click()
    page.get_by_role("button", name="Dry run").click()
    box = page.get_by_role("checkbox")
    if box.count():
        box.check()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#publish .chip").first).to_have_text("Live", timeout=20_000)
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("Verified: the listing shows").wait_for()
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo the publish").click()
    expect(page.locator("#publish .chip").first).to_have_text("Live", timeout=20_000)
    watched.go("/publishes")

    assert page.get_by_text("Showing 1-2 of 2").count() == 1
    assert page.get_by_text("Taken back").count() >= 1
    assert [image["remoteId"] for image in desk.shop.products[SKU]["images"]] == [
        an_image(SKU)["remoteId"],
        an_image(SKU, slot="pt01")["remoteId"],
    ]
    assert watched.complaints == []


def test_a_live_publish_leads_to_the_shop_and_is_undone_once(desk: Desk) -> None:
    address = desk.publish()
    live = desk.ended(address)
    undo = desk.http.post(f"{address}/undo").headers["location"]
    desk.ended(undo)

    again = desk.http.post(f"{address}/undo")
    told = re.search(r'role="alert">.*?</div></div>', again.text, re.DOTALL)

    assert f'href="https://shop.example/{SKU}" target="_blank"' in live
    assert again.status_code == 409
    assert told is not None
    assert "already taken back" in told[0]
    assert "pub_" not in told[0]
    assert f'<a class="btn" href="{undo}">' in again.text


def test_a_publish_that_was_stopped_early_is_titled_once(desk: Desk) -> None:
    digest = re.search(r'name="baseDigest" value="(\w+)"', desk.dry_run())
    assert digest is not None
    desk.shop.products.clear()  # so that its title is never read

    fields = desk.choice | {"baseDigest": digest[1], "anyway": "yes"}
    address = desk.http.post("/publish", data=fields).headers["location"]
    told = desk.ended(address)
    listed = desk.http.get("/publishes").text.partition("<tbody>")[2]

    assert told.partition('class="head"')[2].partition("</p>")[0].count(SKU) == 1
    assert "Open in the shop" not in told
    assert listed.count(f">{SKU}<") == 1


def test_a_dry_run_says_whose_rules_of_which_day_it_asked(desk: Desk) -> None:
    told = desk.dry_run()

    assert re.search(
        r"Amazon’s rules for a main image, version [\d.-]+, as they are on \d+ \w{3} \d{4}\.", told
    )
    assert re.search(r"\d %", told) is None


def test_a_dry_run_changes_nothing_and_shows_both_pictures(desk: Desk) -> None:
    before = desk.shop.products[SKU]

    told = desk.dry_run()

    assert desk.shop.products[SKU] == before
    assert f"/outputs/{desk.output_id}/content" in told
    assert f"/catalog/{desk.item_id}/pictures/" in told
    assert "1 picture stays" in told
    assert "<script>alert" not in told
    assert desk.client.get("/api/v1/publishes").json()["page"]["total"] == 0


def test_a_listing_that_changed_after_the_dry_run_is_left_alone(desk: Desk) -> None:
    found = re.search(r'name="baseDigest" value="(\w+)"', desk.dry_run())
    assert found is not None
    drift(desk)
    changed = desk.shop.products[SKU]

    fields = desk.choice | {"baseDigest": found[1], "anyway": "yes"}
    asked = desk.http.post("/publish", data=fields)
    told = desk.ended(asked.headers["location"])

    assert "The listing changed after the dry run" in told
    assert "New dry run" in told
    assert desk.shop.products[SKU] == changed


def test_a_picture_that_breaks_a_rule_needs_a_word_of_its_own(desk: Desk) -> None:
    told = desk.dry_run()
    found = re.search(r'name="baseDigest" value="(\w+)"', told)
    assert found is not None
    is_broken = "Breaks a rule" in told

    refused = desk.http.post("/publish", data=desk.choice | {"baseDigest": found[1]})

    assert ('name="anyway"' in told) == is_broken
    assert refused.status_code == (422 if is_broken else 303)


def test_a_product_that_vanished_and_a_shop_that_is_down_are_told(desk: Desk) -> None:
    address = desk.publish()
    desk.ended(address)
    desk.shop.faults.append(lambda handler: handler.connection.close())
    down = desk.http.get("/publish/review", params=desk.choice)
    desk.shop.products.clear()

    gone = desk.http.get("/publish/review", params=desk.choice)
    unverified = desk.http.post(f"{address}/verify")
    undo = desk.http.get(f"{address}/undo")

    for answer in (down, gone, unverified, undo):
        assert answer.status_code >= 400
        assert 'role="alert"' in answer.text
    assert "Try the dry run again" in gone.text
    assert "Undo the publish" not in undo.text


def test_publishes_are_listed_filtered_and_downloaded(desk: Desk) -> None:
    empty = desk.http.get("/publishes").text
    desk.ended(desk.publish())

    listed = desk.http.get("/publishes").text
    failed = desk.http.get("/publishes?status=failed").text
    ours = desk.http.get(f"/publishes?status=live&integrationId={desk.integration_id}").text
    answer = desk.http.get("/publishes.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))

    assert "No publish events yet." in empty
    assert "Showing 0-0 of 0" in empty
    assert "Showing 1-1 of 1" in listed
    assert heads_of(listed) == ["Time", "Product", "Place", "Shop", "Status", "By", "Open"]
    assert listed.count("<td") == 7
    assert "Mara Oduya" in listed
    assert "<script>alert" not in listed
    assert "Showing 0-0 of 0" in failed
    assert "Showing 1-1 of 1" in ours
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert rows[0][:3] == ["publishId", "requestedAt", "sku"]
    assert rows[1][3] == f"'{HOSTILE}"
    assert rows[1][6:8] == ["live", "Mara Oduya"]
    assert desk.http.get("/publishes?status=lost").status_code == 422


def test_nobody_sees_or_undoes_the_publishes_of_another_organization(
    desk: Desk, globex: Created
) -> None:
    address = desk.publish()
    desk.ended(address)
    other = Http(desk.api.base_url, join(desk.api, globex.org_id, Role.OWNER))

    for path in (address, f"{address}/undo", f"{address}/pictures/img_x"):
        assert other.get(path).status_code == 404
    for action in ("undo", "verify", "retry"):
        assert other.post(f"{address}/{action}").status_code == 404
    assert other.get("/publish/review", params=desk.choice).status_code == 404
    assert other.post("/publish", data=desk.choice).status_code == 404
    assert "Showing 0-0 of 0" in other.get("/publishes").text
    assert len(other.get("/publishes.csv").text.splitlines()) == 1
    assert desk.http.get(f"/publishes/{UNKNOWN}").status_code == 404
    assert desk.http.get("/publishes/nonsense").status_code == 404


def test_only_our_own_pages_and_those_who_publish(desk: Desk, acme: Created) -> None:
    address = desk.publish()
    desk.ended(address)
    viewer = Http(desk.api.base_url, join(desk.api, acme.org_id, Role.VIEWER))
    paths = [f"{address}/{action}" for action in ("undo", "verify", "retry")]

    for path in (*paths, "/publish"):
        foreign = desk.http.post(path, headers={"origin": "https://evil.example"})
        bare = desk.http.post(path, headers={"x-page-token": None})
        assert (foreign.status_code, bare.status_code) == (403, 403)
        assert viewer.post(path, data=desk.choice).status_code == 403
    shown = viewer.get(address).text
    assert viewer.get("/publishes").status_code == 200
    assert "Verify" not in shown
    assert "Undo" not in shown
    assert "which does not publish" in viewer.get("/publish").text
