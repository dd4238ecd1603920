"""The collection of a document: everything in it once, in an order in which it can be run."""

import json
from typing import Annotated, Any

import orjson
import pytest
from pydantic import ConfigDict, Field

from domain.ids import Id, JobId
from domain.scopes import Scope
from packshot.app import ENDPOINTS
from packshot.edge.contract import Access, Call, Endpoint, NoFields, Reply, endpoint
from packshot.edge.fields import Label, NotYet, Word
from packshot.edge.forms import Form
from packshot.edge.openapi import openapi_document
from packshot.edge.paging import PageAnswer, PageForm
from packshot.edge.postman import postman_collection
from packshot.edge.quantities import WholeNumber
from packshot.edge.samples import SAMPLE_ID
from packshot.edge.shapes import Answer


class ThingForm(Form):
    """A thing."""

    model_config = ConfigDict(json_schema_extra={"required": ["title"]})

    title: Annotated[str | None, Label()] = None
    priority: Annotated[int, WholeNumber(1, 9, example=5)] = 3
    note: Annotated[str | None, Label()] = None
    output_id: Annotated[str | None, Label()] = None
    mode: Annotated[str, Word(("a", "b"))] = Field("a", alias="look.mode")
    later: Annotated[None, NotYet("not yet.")] = None


class ThingAnswer(Answer):
    """A thing."""

    job_id: str
    title: str


class ThingsAnswer(Answer):
    """Things."""

    data: list[ThingAnswer]
    page: PageAnswer


def declare(method: str, path: str, summary: str, **said: Any) -> Endpoint:
    async def handler(_call: Call[NoFields]) -> Reply:
        return Reply(b"")

    handler.__doc__ = summary
    handler.__name__ = summary.partition(" ")[0].lower()
    made: Endpoint = endpoint(method, path, scope=said.pop("scope", Scope.JOBS_READ), **said)(
        handler
    )
    return made


LOOK = declare("GET", "/api/v1/things/{jobId}", "Look at a thing.", answer=ThingAnswer)
DROP = declare("DELETE", "/api/v1/things/{jobId}", "Drop a thing.")
END = declare("POST", "/api/v1/things/{jobId}/end", "End a thing.", answer=ThingAnswer)
LIST = declare(
    "GET", "/api/v1/things", "List things, newest first.", form=PageForm, answer=ThingsAnswer
)
MAKE = declare(
    "POST", "/api/v1/things", "Make a thing.", form=ThingForm, answer=ThingAnswer, created=True
)
FIND = declare("GET", "/api/v1/wares", "Find wares.", answer=ThingsAnswer)
SHOW = declare("GET", "/api/v1/outputs/{outputId}", "Show an output.", scope=Access.PUBLIC)


def collection(*endpoints: Endpoint) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(postman_collection(openapi_document(endpoints)))
    return made


def items(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for folder in made["item"] for item in folder["item"]}


def script(item: dict[str, Any]) -> str:
    return "\n".join(item["event"][0]["script"]["exec"])


@pytest.fixture
def things() -> dict[str, Any]:
    return collection(DROP, END, LOOK, LIST, FIND, SHOW, MAKE)


def test_a_folder_is_a_tag_and_what_is_created_comes_first_and_ends_last(
    things: dict[str, Any],
) -> None:
    assert [folder["name"] for folder in things["item"]] == ["things", "wares", "outputs"]
    assert [item["name"] for item in things["item"][0]["item"]] == [
        "Make a thing", "List things", "Look at a thing", "End a thing", "Drop a thing",
    ]  # fmt: skip


def test_a_body_holds_examples_defaults_what_must_be_there_and_known_ids(
    things: dict[str, Any],
) -> None:
    body = items(things)["Make a thing"]["request"]["body"]

    assert json.loads(body["raw"]) == {
        "title": "example", "priority": 3, "outputId": "{{outputId}}", "look": {"mode": "a"},
    }  # fmt: skip


def test_ids_are_kept_from_what_creates_them_and_from_lists_of_what_nothing_creates(
    things: dict[str, Any],
) -> None:
    keeping = {name for name, item in items(things).items() if "set(name" in script(item)}

    assert keeping == {"Make a thing", "Find wares"}
    assert "!== ids[name]" in script(items(things)["Find wares"])
    assert "!== ids[name]" not in script(items(things)["Make a thing"])


def test_an_id_in_a_path_is_a_variable_that_stands_for_nothing_at_first(
    things: dict[str, Any],
) -> None:
    url = items(things)["End a thing"]["request"]["url"]
    values = {one["key"]: one["value"] for one in things["variable"]}

    assert url["raw"] == "{{baseUrl}}/api/v1/things/:jobId/end"
    assert url["variable"] == [{"key": "jobId", "value": "{{jobId}}"}]
    assert JobId.parse(values["jobId"])
    assert values["apiKey"] == ""


def test_a_key_is_sent_in_a_header_but_where_none_is_asked_for(things: dict[str, Any]) -> None:
    auth = {one["key"]: one["value"] for one in things["auth"]["apikey"]}
    requests = {name: item["request"] for name, item in items(things).items()}

    assert auth == {"key": "x-api-key", "value": "{{apiKey}}", "in": "header"}
    assert requests["Show an output"]["auth"] == {"type": "noauth"}
    assert "auth" not in requests["Find wares"]


def test_filters_are_there_to_be_switched_on(things: dict[str, Any]) -> None:
    url = items(things)["List things"]["request"]["url"]

    assert url["raw"] == "{{baseUrl}}/api/v1/things"
    assert {one["key"]: one["disabled"] for one in url["query"]} == {"limit": True, "cursor": True}


def test_example_answers_are_a_success_and_a_problem(things: dict[str, Any]) -> None:
    success, problem = items(things)["Make a thing"]["response"]

    assert (success["code"], json.loads(success["body"])["jobId"]) == (201, f"job_{SAMPLE_ID}")
    assert problem["code"] == 422
    assert json.loads(problem["body"])["type"].startswith("/docs/errors/")


def test_every_endpoint_of_the_product_is_in_its_collection_once() -> None:
    made = collection(*ENDPOINTS)
    told = [
        (item["request"]["method"], item["request"]["url"]["raw"].partition("?")[0])
        for folder in made["item"]
        for item in folder["item"]
    ]

    assert len(told) == len(set(told)) == len(ENDPOINTS)
    assert all(raw.startswith("{{baseUrl}}/") for _, raw in told)
    assert made["info"]["schema"].endswith("/v2.1.0/collection.json")


def test_process_is_a_form_with_a_file_from_a_variable() -> None:
    body = items(collection(*ENDPOINTS))["Make a packshot of a product photo"]["request"]["body"]
    fields = {field["key"]: field for field in body["formdata"]}

    assert fields["image"] == {"key": "image", "type": "file", "src": "{{imageFile}}"}
    assert fields["width"]["value"] == "2000"
    assert "outputId" not in fields


def test_every_kind_of_id_has_a_sample() -> None:
    assert all(kind.parse(f"{kind.prefix}_{SAMPLE_ID}") for kind in Id.__subclasses__())
