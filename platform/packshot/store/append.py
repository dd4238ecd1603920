"""The append: one statement that takes the next positions, extends the chain and fills the views.

The UPDATE of the head row is lock, sequence and chain in one, so positions are gapless and in
commit order, and a rollback leaves no hole. The inline views are further CTEs of the same
statement: one round trip and no moment in which the log and they differ.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from projections.projection import InlineView

# One event is the usual case, and 40 % faster without the arrays.
APPEND_ONE = """
WITH head AS (
  UPDATE es.tenant_head SET seq = seq + 1, hash = sha256(hash || $2)
  WHERE tenant_id = $1 AND open{admitted}
  RETURNING tenant_id, seq, hash
), event AS (
  INSERT INTO es.event (tenant_id, seq, stream_id, version, event_id, type, data, meta, at, hash)
  SELECT tenant_id, seq, $3::uuid, $4::int, $5::uuid, $6::text, $7::json, $8::json,
         $9::timestamptz, hash
  FROM head
){views}
SELECT seq, hash FROM head
"""

APPEND_SEVERAL = """
WITH head AS (
  UPDATE es.tenant_head SET seq = seq + cardinality($5::uuid[]), hash = sha256(hash || $2)
  WHERE tenant_id = $1 AND open{admitted}
  RETURNING tenant_id, seq, hash
), event AS (
  INSERT INTO es.event (tenant_id, seq, stream_id, version, event_id, type, data, meta, at, hash)
  SELECT tenant_id, seq - cardinality($5::uuid[]) + o, s, v, i, t, d::json, m::json, a, hash
  FROM head, unnest($3::uuid[], $4::int[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                    $9::timestamptz[])
       WITH ORDINALITY AS u(s, v, i, t, d, m, a, o)
){views}
SELECT seq, hash FROM head
"""

FIRST_VIEW_PARAMETER = 10


def append_statement(event_count: int, views: Sequence[InlineView], *, is_admitted: bool) -> str:
    """The statement for that many events that touch those views.

    ``is_admitted`` is for what the installation itself records: it is finished and told also where
    the organization is suspended or closed, and lets nobody else in.

    Parameters: $1 tenant, $2 the events' digests one after another, $3–$9 stream, version,
    event id, type, data, meta, at (arrays when there are several events); then, for each view, its
    rows as one JSON text.
    """
    template = APPEND_ONE if event_count == 1 else APPEND_SEVERAL
    ctes = (
        f", view_{view.name} AS ({view.statement.format(rows=f'${number}::json')})"
        for number, view in enumerate(views, start=FIRST_VIEW_PARAMETER)
    )
    return template.format(views="".join(ctes), admitted="" if is_admitted else " AND admits")


def append_arguments(columns: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The arguments $3–$9 of events given as (stream, version, id, type, data, meta, at)."""
    return columns[0] if len(columns) == 1 else tuple(map(list, zip(*columns, strict=True)))


def rows_argument(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of a view as its JSON parameter; the same rows give the same text."""
    return orjson.dumps(rows, option=orjson.OPT_SORT_KEYS, default=str).decode()
