"""Integrations and the catalog in the browser: a shop connected, read, searched and let go."""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from api.photos import red_box
from api.server import RunningApi
from domain.roles import Role
from packshot.commands.organizations import Created
from packshot.store.blobs import Blobs
from pages.conftest import Http, Opener, SignedIn, join
from pages.looking import assert_sound, look_at
from pages.shopping import connected, heads_of, synced
from shop import Handler, Shop, an_image

pytestmark = pytest.mark.browser

HOSTILE = "<script>alert(1)</script> & <b>mug</b>"
ARABIC = "كوب من الفخار، أخضر، ٣٥٠ مل"
UNKNOWN = "int_01m82d4nnsewetr5vq60vbjh5p"


@pytest.fixture
def shop(shop_server: Shop) -> Shop:
    """A shop of thirty products, three of them with difficult titles."""
    shop_server.reopen(products=27, picture=red_box(600, 600))
    shop_server.put("A-HOSTILE", title=HOSTILE, images=[an_image("A-HOSTILE", alt=HOSTILE)])
    shop_server.put("A-LONG-" + "X" * 93, title="W" * 500)
    shop_server.put(
        "A-RTL",
        title=ARABIC,
        images=[an_image("A-RTL"), an_image("A-RTL", slot="pt01", alt=ARABIC)],
    )
    return shop_server


@pytest.fixture
def items_of(
    http: Http, api: RunningApi, acme: Created, projecting: None
) -> Callable[[str], list[dict[str, str]]]:
    """Reads the catalog of a connected shop."""
    return lambda integration_id: synced(http, api, acme, integration_id)


def test_every_state_of_the_shops_is_sound(
    open_page: Opener,
    http: Http,
    shop: Shop,
    items_of: Callable[..., Any],
    pictures_folder: Path | None,
) -> None:
    watched = open_page("/integrations")
    look = partial(look_at, watched, folder=pictures_folder)

    look("/integrations", "integrations-empty")
    look("/catalog", "catalog-empty")
    integration_id = connected(http, shop, name="Shop of " + "W" * 90)
    items = items_of(integration_id)
    look("/integrations", "integrations")
    look(f"/integrations/{integration_id}", "integration")
    look("/catalog", "catalog")
    look(f"/catalog/{items[0]['itemId']}", "item-hostile")
    look(f"/catalog/{items[2]['itemId']}", "item")
    look("/catalog?q=nothing+of+this", "catalog-none")
    shop.faults.append(html)
    http.post(f"/integrations/{integration_id}/test")
    look(f"/integrations/{integration_id}", "integration-failing")


def html(handler: Handler) -> None:
    handler.say(200, b"<!doctype html><h1>Welcome</h1>")


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"secret": "whsec_" + base64.b64encode(b"x" * 32).decode()}, 424, "signature_wrong"),
        ({"secret": "hunter2-hunter2"}, 422, "whsec_"),
        ({"url": "http://10.0.0.1:80"}, 422, "public internet"),
        ({"url": "ftp://shop.example"}, 422, "http"),
        ({"url": "http://127.0.0.1:1"}, 422, ""),
    ],
)
def test_a_shop_is_not_connected_and_the_form_says_why(
    http: Http, shop: Shop, wrong: dict[str, str], status: int, said: str
) -> None:
    fields = {"shop": "bridge", "name": "Mine <3", "url": shop.url, "secret": shop.secret} | wrong

    answer = http.post("/integrations", data=fields)

    assert answer.status_code == status, answer.text
    alert = re.search(r'role="alert">.*?</div></div>', answer.text, re.DOTALL)
    assert alert is not None
    assert said.lower() in alert[0].lower()
    assert 'value="Mine &lt;3"' in answer.text
    assert fields["secret"] not in answer.text
    assert "No shop connected yet" in answer.text


def test_an_html_page_in_place_of_a_bridge_is_told(http: Http, shop: Shop) -> None:
    shop.faults.append(html)
    fields = {"shop": "bridge", "url": shop.url, "secret": shop.secret}

    answer = http.post("/integrations", data=fields)

    assert answer.status_code == 502
    assert 'role="alert"' in answer.text


def test_a_shop_is_renamed_given_another_secret_and_let_go(http: Http, shop: Shop) -> None:
    path = f"/integrations/{connected(http, shop)}"
    other = "whsec_" + base64.b64encode(b"y" * 32).decode()

    assert http.post(f"{path}/name", data={"name": "Mugs <b>"}).status_code == 303
    refused = http.post(f"{path}/credentials", data={"secret": other})
    shop.secret = other
    assert http.post(f"{path}/credentials", data={"secret": other}).status_code == 303
    shown = http.get(path).text
    assert http.post(f"{path}/disconnect").status_code == 303

    assert refused.status_code == 424
    assert "Mugs &lt;b&gt;" in shown
    assert f"••••{other[-4:]}" in shown
    assert other not in shown
    assert http.get(path).status_code == 404


def test_a_sync_is_followed_until_it_ends(
    open_page: Opener, http: Http, shop: Shop, projecting: None
) -> None:
    integration_id = connected(http, shop)
    watched = open_page("/integrations")

    watched.page.get_by_role("button", name="Sync now").click()

    watched.page.get_by_text("30 items, 30 changed").wait_for()
    state = watched.page.locator(f"#sync-{integration_id}")
    assert state.get_attribute("hx-trigger") is None
    assert watched.complaints == []


def test_reading_a_new_shop_is_the_first_thing_to_do(
    http: Http, shop: Shop, items_of: Callable[[str], list[dict[str, str]]]
) -> None:
    integration_id = connected(http, shop)
    pages = ("/integrations", f"/integrations/{integration_id}")
    first = re.compile(r'class="btn sm pri">(?:(?!</button>).)*Sync now')

    before = [bool(first.search(http.get(page).text)) for page in pages]
    items_of(integration_id)
    after = [bool(first.search(http.get(page).text)) for page in pages]

    assert (before, after) == ([True, True], [False, False])


def test_words_are_found_in_any_order_in_titles_and_skus(
    http: Http, shop: Shop, items_of: Callable[[str], list[dict[str, str]]]
) -> None:
    items_of(connected(http, shop))

    for words, count in (
        ("0003 product", 1),
        ("SKU-0003", 1),
        ("product sku-000", 10),
        ("0003 0004", 0),
        ("mug hostile", 1),
        ("  ", 30),
        ("%", 0),
    ):
        told = http.get("/catalog", params={"q": words}).text
        assert f" of {count}</span>" in told, words


def test_a_picture_of_a_listing_is_opened_in_the_studio_and_goes_back_to_its_place(
    open_page: Opener, http: Http, shop: Shop, items_of: Callable[[str], list[dict[str, str]]]
) -> None:
    item_id = items_of(connected(http, shop))[2]["itemId"]
    watched = open_page(f"/catalog/{item_id}")
    page = watched.page

    page.get_by_role("link", name="Open in Studio: Picture 2").click()

    expect(page.locator("#made[data-output]")).to_be_attached(timeout=20_000)
    expect(page.locator("#source")).to_contain_text("A-RTL.jpeg, 600 × 600")
    output = page.get_attribute("#made", "data-output")
    address = page.get_attribute("#publish", "href") or ""
    assert address == f"/publish?output={output}&item={item_id}&place=pt01"
    page.reload()
    assert page.get_attribute("#publish", "href") == address
    assert watched.complaints == []


def test_the_studio_begins_with_no_picture_that_the_listing_does_not_show(
    http: Http,
    shop: Shop,
    api: RunningApi,
    acme: Created,
    globex: Created,
    items_of: Callable[[str], list[dict[str, str]]],
) -> None:
    item_id = items_of(connected(http, shop))[0]["itemId"]
    page = http.get(f"/catalog/{item_id}").text
    address = re.search(r'href="(/studio\?item=[^"]+)"', page)
    assert address is not None
    studio = address[1].replace("&amp;", "&")
    viewer = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))
    stranger = Http(api.base_url, join(api, globex.org_id, Role.OWNER))

    assert 'data-start="/catalog/' in http.get(studio).text
    assert "data-start" not in viewer.get(studio).text
    assert stranger.get(studio).status_code == 404
    for wrong in (f"item={item_id}&picture=img_x", "item=itm_x&picture=img_x"):
        assert http.get(f"/studio?{wrong}").status_code == 404
    assert http.get(f"/studio?item={item_id}&place=nowhere").status_code == 422
    assert "Open in Studio" not in viewer.get(f"/catalog/{item_id}").text


def test_the_shops_own_page_of_a_listing_is_one_click_away(
    http: Http, shop: Shop, items_of: Callable[[str], list[dict[str, str]]]
) -> None:
    items = items_of(connected(http, shop))

    told = http.get(f"/catalog/{items[0]['itemId']}").text

    link = '<a class="btn" href="https://shop.example/A-HOSTILE" target="_blank"'
    assert f'{link} rel="noopener noreferrer">' in told


def test_titles_are_text_and_pictures_come_from_us(
    http: Http, shop: Shop, api: RunningApi, acme: Created, projecting: None
) -> None:
    items = synced(http, api, acme, connected(http, shop))

    listed, found = http.get("/catalog").text, http.get("/catalog?q=rtl").text
    picture = re.search(r'src="(/catalog/\w+/pictures/[^"]+)"', listed)
    assert picture is not None
    answer = http.get(picture[1])
    cut_off = len(shop.asked)
    again = http.get(picture[1])

    assert "<script>alert" not in listed
    assert "&lt;script&gt;alert(1)" in listed
    assert "Showing 1-20 of 30" in listed
    assert heads_of(listed) == ["Main image", "Product", "Images", "Shop", "Last change"]
    assert listed.count("<td") == 20 * 5
    assert "Showing 1-1 of 1" in found
    assert ARABIC in found
    assert answer.content == again.content == shop.picture
    assert len(shop.asked) >= cut_off
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert http.get(f"/catalog/{items[0]['itemId']}/pictures/img_of_nobody").status_code == 404


def test_what_a_shop_calls_a_picture_and_is_none_is_not_passed_on(
    http: Http, shop: Shop, api: RunningApi, acme: Created, projecting: None
) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    shop.reopen(products=1, picture=svg)
    items = synced(http, api, acme, connected(http, shop))

    page = http.get(f"/catalog/{items[0]['itemId']}").text
    address = re.search(r'src="(/catalog/\w+/pictures/[^"]+)"', page)
    assert address is not None
    answer = http.get(address[1])

    assert answer.status_code == 502
    assert "<svg xmlns" not in answer.text
    assert "no picture" in answer.text


def test_other_bytes_than_the_shop_told_of_are_neither_shown_nor_kept(
    http: Http, shop: Shop, api: RunningApi, acme: Created, projecting: None
) -> None:
    items = synced(http, api, acme, connected(http, shop))
    page = http.get(f"/catalog/{items[0]['itemId']}").text
    address = re.search(r'src="(/catalog/\w+/pictures/[^"]+)"', page)
    assert address is not None
    told, shop.picture = shop.picture, red_box(500, 400)

    answer = http.get(address[1])
    blobs = Blobs(api.settings.storage_dir)
    other = hashlib.sha256(shop.picture).hexdigest()
    kept = blobs.holds(acme.org_id, other)
    shop.picture = told

    assert answer.status_code == 502
    assert "other bytes than the shop told of" in answer.text
    assert not kept
    assert http.get(address[1]).content == told


def test_a_picture_counts_on_the_limit_of_the_organization(
    http: Http, shop: Shop, api: RunningApi, acme: Created, projecting: None
) -> None:
    items = synced(http, api, acme, connected(http, shop))

    for path in (f"/catalog/{items[0]['itemId']}", f"/publishes/{UNKNOWN}"):
        answer = http.get(f"{path}/pictures/img_x")

        assert answer.status_code == 404
        assert answer.headers["ratelimit-policy"].startswith('"organization"')


def test_nobody_reaches_the_shop_of_another_organization(
    http: Http, shop: Shop, api: RunningApi, acme: Created, globex: Created, projecting: None
) -> None:
    integration_id = connected(http, shop)
    items = synced(http, api, acme, integration_id)
    item = f"/catalog/{items[0]['itemId']}"
    other = Http(api.base_url, join(api, globex.org_id, Role.OWNER))

    for path in (f"/integrations/{integration_id}", item, f"{item}/pictures/img_x"):
        assert other.get(path).status_code == 404
    assert other.post(f"/integrations/{integration_id}/disconnect").status_code == 404
    assert http.get(f"/integrations/{UNKNOWN}").status_code == 404
    assert http.get("/integrations/int_none").status_code == 404
    assert http.get(f"/integrations/{integration_id}").status_code == 200


def test_only_our_own_pages_and_those_who_may_change_shops(
    http: Http, shop: Shop, api: RunningApi, acme: Created
) -> None:
    path = f"/integrations/{connected(http, shop)}"
    viewer = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))

    for action in ("sync", "test", "name", "credentials", "disconnect"):
        foreign = http.post(f"{path}/{action}", headers={"origin": "https://evil.example"})
        bare = http.post(f"{path}/{action}", headers={"x-page-token": None})
        assert (foreign.status_code, bare.status_code) == (403, 403)
        assert viewer.post(f"{path}/{action}", data={"name": "x"}).status_code == 403
    shown = viewer.get(path)
    assert shown.status_code == 200
    assert "Disconnect" not in shown.text


def test_a_viewer_sees_the_shops_and_nothing_to_press(
    open_page: Opener, http: Http, shop: Shop, api: RunningApi, acme: Created
) -> None:
    connected(http, shop)
    viewer: SignedIn = join(api, acme.org_id, Role.VIEWER)

    watched = open_page("/integrations", person=viewer)

    assert watched.page.get_by_role("button", name="Connect").count() == 0
    assert watched.page.get_by_role("button", name="Sync now").count() == 0
    assert_sound(watched)
