"""Events are contracts: a topic for ever, a name in the past, a change that cannot refuse."""

import ast
import dataclasses
import re

import pytest
from eventsourcing.domain import Aggregate

from architecture.sources import functions, place, python_files
from packshot.store.codec import COLUMNS, event_classes
from packshot.wiring import AGGREGATES

TOPIC = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*")
# Of what is to come, the announcement is the event: Expiring.
IRREGULAR = {
    "Begun",
    "Expiring",
    "Left",
    "Lost",
    "Made",
    "PasswordReset",
    "RolledBack",
    "Sent",
    "Withdrawn",
}
JSON_NATIVE = {"str", "int", "float", "bool", "None", "list", "dict", "Any"}
FORBIDDEN_IN_A_CHANGE = {"datetime", "time", "uuid4", "uuid7", "random", "secrets", "open"}

EVENTS = [
    pytest.param(aggregate, event, id=f"{aggregate.__name__}.{event.__name__}")
    for aggregate in AGGREGATES
    for event in event_classes(aggregate)
]


@pytest.mark.parametrize(("aggregate", "event"), EVENTS)
def test_an_event_is_named_in_the_past_participle(aggregate: type, event: type) -> None:
    assert event.__name__.endswith("ed") or event.__name__ in IRREGULAR


@pytest.mark.parametrize(("aggregate", "event"), EVENTS)
def test_a_topic_is_the_noun_the_participle_and_a_version(
    aggregate: type[Aggregate], event: type[Aggregate.Event]
) -> None:
    noun, participle, _ = event.TOPIC.split(".")  # type: ignore[attr-defined]

    assert TOPIC.fullmatch(event.TOPIC)  # type: ignore[attr-defined]
    assert noun == aggregate.TOPIC  # type: ignore[attr-defined]
    assert participle == re.sub(r"(?<!^)(?=[A-Z])", "-", event.__name__).lower()


@pytest.mark.parametrize(("aggregate", "event"), EVENTS)
def test_an_event_holds_only_what_json_holds(aggregate: type, event: type) -> None:
    """What is stored is what is read back: nothing is converted on the way."""
    words = {
        field.name: set(re.findall(r"[A-Za-z]+", str(getattr(field.type, "__name__", field.type))))
        for field in dataclasses.fields(event)
        if field.name not in COLUMNS
    }

    assert {name: kind for name, kind in words.items() if kind - JSON_NATIVE - {"typing"}} == {}


def changes() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The methods that apply an event; they run again on every replay."""
    return [
        (place(path, node), node)
        for path in python_files("domain")
        for node in functions(path)
        if any(
            isinstance(mark, ast.Call) and ast.unparse(mark.func) == "event"
            for mark in node.decorator_list
        )
    ]


def test_a_change_is_a_private_participle_or_the_beginning() -> None:
    named = [f"{where} {node.name}" for where, node in changes()
             if node.name != "__init__" and not node.name.startswith("_")]  # fmt: skip

    assert changes()
    assert named == []


def test_a_change_refuses_nothing_and_reads_no_clock() -> None:
    """A rule in a change would make old history unreadable on the day it is tightened."""
    wrong = []
    for where, node in changes():
        for part in ast.walk(node):
            if isinstance(part, ast.Raise | ast.Assert):
                wrong.append(f"{where} refuses")
            if isinstance(part, ast.Name) and part.id in FORBIDDEN_IN_A_CHANGE:
                wrong.append(f"{where} uses {part.id}")

    assert wrong == []
