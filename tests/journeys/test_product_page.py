"""The product page from the printed link to the undo, in a browser, against `packshot up`."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright

from installation import Up, running_up
from pages.looking import Watched, a_page
from pictures import encoded

expect.set_options(timeout=60_000)  # whole machines are busy with other tests

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DRAWN_WITHIN_MS = 60_000


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A new installation."""
    with running_up(tmp_path / "data") as running:
        yield running


@pytest.fixture
def watched(up: Up) -> Iterator[Watched]:
    """A browser that nobody is signed in to."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False, args=OPTIONS
        )
        with a_page(browser, f"http://localhost:{up.port}", session=None) as page:
            yield page
        browser.close()


@pytest.mark.timeout(170)
def test_the_product_page_works_from_the_first_link_to_the_undo(
    up: Up, watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    page.set_default_timeout(30_000)

    sign_up(page, up)
    make_a_packshot_of_the_sample(page)
    run_the_copied_example(watched, secret=create_a_key(watched), folder=tmp_path)
    connect_the_demo_shop(page, watched)
    sku = look_at_the_first_product(watched)
    before = storefront(up, sku)
    publish_to_it(watched)
    assert storefront(up, sku) != before
    undo(page)
    assert storefront(up, sku) == before
    look_back(watched)

    assert watched.complaints == []


def sign_up(page: Page, up: Up) -> None:
    """Open the printed link and create the account."""
    page.goto(f"http://localhost:{up.port}{urlsplit(up.ready['setupUrl']).path}")
    page.get_by_label("Name").fill("Mara Oduya")
    page.get_by_label("E-mail").fill("mara@example.com")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url(re.compile("/studio$"))


def make_a_packshot_of_the_sample(page: Page) -> None:
    """Let the Studio make a sample photo pass Amazon's rules."""
    page.get_by_role("button", name="Bottle").click()
    expect(page.locator("#compliance")).to_contain_text("Broken:", timeout=60_000)
    page.get_by_role("button", name="Mend what can be mended").click()
    expect(page.locator("#compliance .chip")).to_have_text("12 of 12")


def create_a_key(watched: Watched) -> str:
    """A key of one's own, as it is shown once."""
    page = watched.page
    watched.go("/keys")
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_role("textbox", name="Name").fill("Warehouse")
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_label("Warehouse").input_value()
    page.get_by_role("link", name="I have copied it").click()
    return secret


def run_the_copied_example(watched: Watched, *, secret: str, folder: Path) -> None:
    """Run the curl example of the page API access as it is printed there."""
    page = watched.page
    (folder / "product.jpg").write_bytes(encoded("jpeg", side=1200))
    watched.go("/api-access")
    page.get_by_label("API key").fill(secret)
    page.get_by_text("curl", exact=True).click()
    done = subprocess.run(
        ["bash", "-c", page.locator("#code").inner_text()],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert '"outputId"' in done.stdout, done


def connect_the_demo_shop(page: Page, watched: Watched) -> None:
    """Connect with one click, also while the shop still draws; then read its catalog."""
    watched.go("/integrations")
    page.get_by_role("button", name="Connect the demo shop").click()
    page.wait_for_url(re.compile("/integrations/int_"), timeout=DRAWN_WITHIN_MS)
    page.get_by_role("button", name="Sync now").click()
    page.get_by_text("12 items, 12 changed").wait_for()


def look_at_the_first_product(watched: Watched) -> str:
    """Open the first product, and choose it for a publish; its SKU."""
    page = watched.page
    watched.go("/catalog")
    while page.get_by_text("Showing 1-12 of 12").count() == 0:  # the view follows the log
        watched.go("/catalog")
    sku = page.locator("tbody small").first.inner_text()
    page.locator("tbody a").first.click()
    page.get_by_role("link", name="Publish a picture").click()
    return sku


def publish_to_it(watched: Watched) -> None:
    """Choose the picture, look at the dry run, publish, and see it live."""
    page = watched.page
    page.locator(".pick a").nth(1).click()  # the last but one: the sample, mended
    page.get_by_role("button", name="Dry run").click()
    page.get_by_text("Nothing has changed yet").wait_for()
    assert page.get_by_role("checkbox").count() == 0  # it breaks no rule
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#publish .chip").first).to_have_text("Live")


def undo(page: Page) -> None:
    """Take the publish back, from its own page."""
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo the publish").click()
    expect(page.locator("#publish .chip").first).to_have_text("Live")


def look_back(watched: Watched) -> None:
    """Both publishes stand in their own activity, and each step in the organization's."""
    watched.go("/publishes")
    expect(watched.page.get_by_text("Showing 1-2 of 2")).to_be_visible()
    expect(watched.page.locator("td .chip").last).to_have_text("Taken back")
    watched.go("/activity")
    expect(watched.page.get_by_text("The publish was taken back").first).to_be_visible()


def storefront(up: Up, sku: str) -> str:
    """The address of the picture that the shop's own storefront shows of a product."""
    text = requests.get(up.ready["demoShopUrl"] + "/", timeout=30).text
    cards = [card for card in text.split("<article ") if f"<code>{sku} " in card]
    assert len(cards) == 1, text[:2000]
    (shown,) = re.findall(r'<img src="([^"]+)"', cards[0])
    return str(shown)
