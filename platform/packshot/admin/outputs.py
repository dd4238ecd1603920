"""GET /outputs/{outputId}/content: a finished picture, for the pages that show it."""

from domain.scopes import Scope
from packshot.admin.shell.declaring import Visit, page
from packshot.edge.contract import NoFields, Reply
from packshot.edge.shapes import file_answer
from packshot.edge.sources import output_id_of

# The bytes of an output never change: a browser need not ask twice, nor may a proxy keep them.
KEPT = "private, max-age=31536000, immutable"


@page("GET", "/outputs/{outputId}/content", scope=Scope.FILES_READ)
async def read_output(visit: Visit[NoFields]) -> Reply:
    """Answer the bytes of an output of the organization that is looked at."""
    org_id, images = visit.visitor.org_id, visit.services.images
    output = await images.find_output(org_id, output_id_of(visit.path["outputId"]))
    return Reply(
        file_answer(output, images.content_path(org_id, output)),
        headers={"cache-control": KEPT, "cross-origin-resource-policy": "same-origin"},
    )
