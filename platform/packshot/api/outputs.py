"""GET /api/v1/outputs/{outputId}: a finished picture and its bytes."""

from domain.errors import NotFound
from domain.ids import OutputId
from domain.output import Output
from domain.scopes import Scope
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.shapes import OutputAnswer, file_answer, output_answer

PATH = "/api/v1/outputs/{outputId}"
IMAGES = ("image/jpeg", "image/png", "image/webp")


@endpoint("GET", PATH, scope=Scope.FILES_READ, answer=OutputAnswer, refuses=("not_found",))
async def find_output(call: Call[NoFields]) -> Reply:
    """Answer an output as its job recorded it."""
    return Reply(output_answer(await _output_of(call)))


@endpoint(
    "GET",
    PATH + "/content",
    scope=Scope.FILES_READ,
    media_types=IMAGES,
    refuses=("not_found", "range_not_satisfiable"),
    answer_headers=("etag", "content-range"),
)
async def read_content(call: Call[NoFields]) -> Reply:
    """Answer the bytes of an output, or a range of them."""
    output = await _output_of(call)
    path = call.services.images.content_path(call.key.org_id, output)
    return Reply(file_answer(output, path))


async def _output_of(call: Call[NoFields]) -> Output:
    """The output; a malformed id, an unknown one and another organization's are answered alike."""
    try:
        output_id = OutputId.parse(call.path["outputId"])
        return await call.services.images.find_output(call.key.org_id, output_id)
    except (ValueError, NotFound):
        raise NotFound("not_found", "There is no such output.", fix="Check the outputId.") from None
