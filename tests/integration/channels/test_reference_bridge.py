"""Our side and the reference bridge understand each other: what we read, publish and undo is so."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.channels.conftest import OpenBridge
from integrations.amazon_bridge import AmazonBridge
from integrations.channel import AuthExpired, DesiredImage, Op, RemoteConflict, Vanished, Verdict
from reference_bridge import SECRET, Bridge, fill, jpeg, running_bridge

SKUS = ["MUG", "a/b ü", "BOX"]
PICTURE = jpeg(200, side=800)
SHA256 = hashlib.sha256(PICTURE).hexdigest()
NEW = DesiredImage("main", "A mug", SHA256, "image/jpeg", 800, 800, len(PICTURE))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A reference bridge with three listings of two pictures each."""
    folder: Path = tmp_path_factory.mktemp("bridge")
    fill(folder / "from", SKUS)
    with running_bridge(folder, "--fill", str(folder / "from")) as bridge:
        yield bridge


@pytest.fixture
def ours(open_bridge: OpenBridge, reference: Bridge) -> AmazonBridge:
    """Our side of it."""
    return open_bridge(reference.socket.getsockname()[1], SECRET)


async def test_it_is_known_and_its_catalog_is_read(ours: AmazonBridge) -> None:
    identity = await ours.verify()
    page = await ours.catalog(None)

    assert identity.account_id == "Shop <1>"
    assert sorted(item.sku for item in page.items) == sorted(SKUS)
    assert page.cursor is None
    assert [image.slot for image in page.items[0].images] == ["main", "pt01"]


@pytest.mark.parametrize("sku", SKUS)
async def test_a_listing_is_found(ours: AmazonBridge, sku: str) -> None:
    assert (await ours.get_item(sku)).sku == sku


async def test_a_publish_and_its_undo_restore_the_listing_exactly(ours: AmazonBridge) -> None:
    item = await ours.get_item("MUG")
    kept = [DesiredImage.kept(image) for image in item.images[1:]]

    plan = await ours.plan(item, [NEW, *kept], blobs={SHA256: PICTURE})
    receipt = await ours.apply(plan, {SHA256: PICTURE}, idempotency_key="pub_1")
    again = await ours.apply(plan, {SHA256: PICTURE}, idempotency_key="pub_1")
    verdict, _ = await ours.check(receipt)
    undo = await ours.rollback_plan(receipt, receipt.before)
    await ours.apply(undo, {}, idempotency_key="pub_2")

    assert [step.op for step in plan.steps] == [Op.UPLOAD, Op.KEEP]
    assert plan.issues == ()
    assert receipt.after[0].sha256 == SHA256
    assert again == receipt
    assert verdict is Verdict.MATCHES
    restored = await ours.get_item("MUG")
    assert (restored.images, restored.images_digest) == (item.images, item.images_digest)


async def test_a_dry_run_tells_what_it_would_refuse_and_writes_nothing(ours: AmazonBridge) -> None:
    small = jpeg(10, side=100)
    digest = hashlib.sha256(small).hexdigest()
    item = await ours.get_item("BOX")
    wish = DesiredImage("main", "", digest, "image/jpeg", 100, 100, len(small))

    plan = await ours.plan(item, [wish], blobs={digest: small})

    assert [(issue.code, issue.slot) for issue in plan.issues] == [("too_small", "main")]
    assert await ours.get_item("BOX") == item


async def test_a_plan_of_another_day_is_refused(ours: AmazonBridge, reference: Bridge) -> None:
    plan = await ours.plan(await ours.get_item("BOX"), [NEW])
    images = reference.item("BOX")["images"]
    turned = [
        {"slot": slot, "remoteId": image["remoteId"]}
        for slot, image in zip(("main", "pt01"), reversed(images), strict=True)
    ]
    assert reference.publish("BOX", turned).status_code == 200

    with pytest.raises(RemoteConflict) as drifted:
        await ours.apply(plan, {SHA256: PICTURE}, idempotency_key="pub_3")

    assert drifted.value.digest == reference.item("BOX")["digest"]


async def test_another_secret_and_an_unknown_listing_are_told_apart(
    ours: AmazonBridge, open_bridge: OpenBridge, reference: Bridge
) -> None:
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()

    with pytest.raises(AuthExpired):
        await open_bridge(reference.socket.getsockname()[1], other).verify()
    with pytest.raises(Vanished):
        await ours.get_item("nothing")
