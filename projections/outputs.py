"""The view of outputs: finished pictures by id, and by what they were made from."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from domain.job import Job
from domain.output import Output
from domain.recorded import Happened

if TYPE_CHECKING:
    from projections.projection import Connection


class OutputsView:
    """One row per output that a job made; a cached answer adds none."""

    name = "output"
    topics = frozenset({Job.Succeeded.TOPIC})
    statement = """
        INSERT INTO views.output (tenant_id, output_id, cache_key, document, created_at)
        SELECT head.tenant_id, r.output_id, decode(r.cache_key, 'hex'), r.document, r.created_at
        FROM head, json_to_recordset({rows})
             AS r(output_id uuid, cache_key text, document json, created_at timestamptz)
        ON CONFLICT (tenant_id, output_id) DO NOTHING
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """A row for each picture that the job made."""
        if happened.data["cached"]:
            return []
        outputs = [Output.from_dict(document) for document in happened.data["outputs"]]
        return [
            {
                "output_id": output.output_id.uuid,
                "cache_key": cache_key_of(output).hex(),
                "document": document,
                "created_at": output.created_at,
            }
            for output, document in zip(outputs, happened.data["outputs"], strict=True)
        ]


def cache_key(input_sha256: str, recipe_hash: str, engine: Mapping[str, str]) -> bytes:
    """What decides an output's bytes: the picture, the recipe and the engine."""
    told = {"input": input_sha256, "recipe": recipe_hash, "engine": dict(engine)}
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()


def cache_key_of(output: Output) -> bytes:
    """The cache key of a finished output."""
    return cache_key(output.source["sha256"], output.recipe_hash, output.engine)


async def find_output(
    connection: "Connection", *, tenant_id: UUID, output_id: UUID
) -> Output | None:
    """The output of that id in that organization, or None."""
    document = await connection.fetchval(
        "SELECT document FROM views.output WHERE tenant_id = $1 AND output_id = $2",
        tenant_id,
        output_id,
    )
    return None if document is None else Output.from_dict(orjson.loads(document))


async def find_outputs(
    connection: "Connection", *, tenant_id: UUID, output_ids: Sequence[UUID]
) -> list[Output]:
    """Those outputs of that organization that there are, in no order."""
    rows = await connection.fetch(
        """
        SELECT document FROM views.output
        WHERE tenant_id = $1 AND output_id = ANY($2)
        """,
        tenant_id,
        output_ids,
    )
    return [Output.from_dict(orjson.loads(row["document"])) for row in rows]


async def list_newest(connection: "Connection", *, tenant_id: UUID, limit: int) -> list[Output]:
    """The outputs of that organization that were made last, newest first."""
    rows = await connection.fetch(
        """
        SELECT document FROM views.output
        WHERE tenant_id = $1
        ORDER BY output_id DESC LIMIT $2
        """,
        tenant_id,
        limit,
    )
    return [Output.from_dict(orjson.loads(row["document"])) for row in rows]


async def find_cached(connection: "Connection", *, tenant_id: UUID, key: bytes) -> Output | None:
    """The first output of that organization with that cache key, or None."""
    document = await connection.fetchval(
        """
        SELECT document FROM views.output
        WHERE tenant_id = $1 AND cache_key = $2
        ORDER BY output_id LIMIT 1
        """,
        tenant_id,
        key,
    )
    return None if document is None else Output.from_dict(orjson.loads(document))
