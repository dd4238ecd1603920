"""GET /api/v1/openapi and /postman: this API described from its endpoints' declarations."""

from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint

SAVED_AS = 'attachment; filename="packshot.postman_collection.json"'


@endpoint("GET", "/api/v1/openapi", scope=Access.PUBLIC, media_types=("application/json",))
async def read_openapi(call: Call[NoFields]) -> Reply:
    """Answer the OpenAPI 3.1 document of this API."""
    return Reply(call.state.document)


@endpoint("GET", "/api/v1/postman", scope=Access.PUBLIC, media_types=("application/json",))
async def read_postman(call: Call[NoFields]) -> Reply:
    """Answer a Postman collection of this API, ready to be imported and run."""
    return Reply(call.state.collection, headers={"content-disposition": SAVED_AS})
