"""GET /api/v1/openapi: the document agrees with what the API does."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.client import Client
from api.photos import red_box
from packshot.app import ENDPOINTS
from packshot.edge.problems import KINDS

Document = dict[str, Any]


@pytest.fixture
def document(client: Client) -> Document:
    """The document as a stranger reads it."""
    answer = client.without_key().get("/api/v1/openapi")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    read: Document = answer.json()
    return read


def test_the_document_is_valid_openapi_3_1(document: Document) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_endpoint_is_described_once(document: Document) -> None:
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }

    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"].endswith(".") for operation in operations(document))


def test_paths_and_parameters_are_named_as_the_contract_names_them(document: Document) -> None:
    assert "/api/v1/process" in document["paths"]
    content = document["paths"]["/api/v1/outputs/{outputId}/content"]["get"]
    in_path = [p["name"] for p in content["parameters"] if p["in"] == "path"]
    assert in_path == ["outputId"]


def test_every_reference_leads_somewhere(document: Document) -> None:
    for reference in references(document):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in target, reference
            target = target[step]


def test_every_answer_documents_its_headers_and_every_refusal_its_codes(
    document: Document,
) -> None:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            assert {"x-request-id", "x-ratelimit-remaining", "ratelimit"} <= set(
                response["headers"]
            )
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                for code in schema["properties"]["code"]["enum"]:
                    assert KINDS[code].status == int(status)


def test_a_key_is_asked_for_where_one_is_needed(document: Document) -> None:
    process = document["paths"]["/api/v1/process"]["post"]
    public = document["paths"]["/api/v1/openapi"]["get"]

    assert process["security"] == [{"apiKey": []}, {"bearer": []}]
    assert process["x-required-scope"] == "images:process"
    assert public["security"] == []


def test_every_post_with_a_key_may_be_repeated(document: Document) -> None:
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        parameters = {each["name"] for each in operation.get("parameters", [])}
        is_repeatable = endpoint.method == "POST" and not endpoint.is_public
        assert ("Idempotency-Key" in parameters) == is_repeatable
        if is_repeatable:
            answers = [v for k, v in operation["responses"].items() if k.startswith("2")]
            assert all("idempotency-replayed" in answer["headers"] for answer in answers)
            assert "retry-after" in operation["responses"]["409"]["headers"]
            codes = operation["responses"]["422"]["content"]["application/problem+json"]["schema"]
            assert "idempotency_key_reused" in codes["properties"]["code"]["enum"]


def test_process_takes_multipart_and_json(document: Document) -> None:
    content = document["paths"]["/api/v1/process"]["post"]["requestBody"]["content"]
    multipart = resolve(document, content["multipart/form-data"]["schema"])
    as_json = resolve(document, content["application/json"]["schema"])

    assert multipart["properties"]["image"]["format"] == "binary"
    assert multipart["properties"]["width"]["minimum"] == 16
    assert "frame.targetFill" in multipart["properties"]
    assert "targetFill" in as_json["properties"]["frame"]["properties"]
    assert "image" not in as_json["properties"]
    assert as_json["additionalProperties"] is False


def test_an_answer_holds_exactly_the_members_of_its_schema(
    document: Document, client: Client
) -> None:
    answer = client.post(
        "/api/v1/process", files={"image": red_box()}, data={"width": "64", "height": "64"}
    ).json()
    responses = document["paths"]["/api/v1/process"]["post"]["responses"]
    schema = resolve(document, responses["200"]["content"]["application/json"]["schema"])
    output = resolve(document, schema["properties"]["output"])

    assert set(answer["output"]) == set(output["properties"]) == set(output["required"])


def operations(document: Document) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [reference for item in node for reference in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [reference for item in node.values() for reference in references(item)]


def resolve(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return resolved
