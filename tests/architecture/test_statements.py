"""Every statement names the organization, although the database would confine it anyway."""

import ast
import re
from pathlib import Path

from architecture.sources import place, product_files, tree

STATEMENT = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b.*\b(es|views|work)\.[a-z_]+", re.DOTALL)

# Each with the reason why no organization can be named.
WITHOUT_A_TENANT = {
    "DELETE FROM es.position WHERE view = $1": "a rebuilt view starts anew for everybody",
    "UPDATE es.position SET view = $1 WHERE view = $2": "a rebuilt view takes over for everybody",
}


def statements(path: Path) -> list[tuple[str, str]]:
    """The SQL texts of a file with their places."""
    return [
        (place(path, node), " ".join(node.value.split()))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and STATEMENT.search(node.value)
    ]


def test_every_statement_names_the_tenant() -> None:
    found = [statement for path in product_files() for statement in statements(path)]
    nameless = [
        place for place, text in found if "tenant_id" not in text and text not in WITHOUT_A_TENANT
    ]

    assert len(found) >= 10
    assert nameless == []


def test_every_exception_is_still_there() -> None:
    texts = {text for path in product_files() for _, text in statements(path)}

    assert set(WITHOUT_A_TENANT) <= texts


def test_no_statement_is_pieced_together_from_values() -> None:
    """An f-string that is SQL may hold a parameter's number, never a value."""
    pieced = [
        place(path, node)
        for path in product_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.JoinedStr)
        and STATEMENT.search("".join(p.value for p in node.values if isinstance(p, ast.Constant)))
    ]

    assert pieced == []
