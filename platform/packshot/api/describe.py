"""GET /api/v1/openapi: the document of this API, made from the endpoints' declarations."""

from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint


@endpoint("GET", "/api/v1/openapi", scope=Access.PUBLIC, media_types=("application/json",))
async def read_openapi(call: Call[NoFields]) -> Reply:
    """Answer the OpenAPI 3.1 document of this API."""
    return Reply(call.state.document)
