"""A picture of a shop as pages show it: from an address of ours, since no browser calls a shop."""

from packshot.commands.shop_pictures import ShopPicture
from packshot.edge.contract import Reply
from packshot.edge.files import FileAnswer

# The bytes behind a shop's picture id never change (docs/bridge.md); another shop's might.
KEPT = "private, max-age=3600"


def picture_reply(picture: ShopPicture) -> Reply:
    """The picture, which only our own pages may show and only the visitor's browser may keep."""
    file = FileAnswer(
        picture.path,
        f"picture.{picture.format}",
        f"image/{picture.format}",
        picture.sha256,
        picture.size_bytes,
    )
    headers = {"cache-control": KEPT, "cross-origin-resource-policy": "same-origin"}
    return Reply(file, headers=headers)
