"""What indexes are made of: a wide table, keys of every kind, operator classes, predicates, parameters."""

from collections.abc import Mapping

COLUMNS = """
    i int, i2 int, sm smallint, i8 bigint, n numeric, f float8, bo boolean, v varchar(30), v0 varchar,
    c char(5), tx text, tx2 text, txc text COLLATE "C", ch "char", nm name, d date, tm time, ts timestamptz,
    tsv timestamp, iv interval, u uuid, by bytea, j jsonb, ine inet, ci cidr, mac macaddr, lsn pg_lsn,
    bits varbit, e en, dm dom, di doi, ia int[], ta text[], va varchar(3)[], r int4range, tr tstzrange,
    mr int4multirange, tv tsvector, tq tsquery, p point, bx box, po polygon, ce circle, co comp,
    "Mixed Case" int, "select" text, "größe" text, "a.b" text, "quo""te" int
"""
TABLES = ("t", '"Mixed Table"', '"sch ema"."tabellé"')
SETUP = (
    "CREATE TYPE en AS ENUM ('a', 'b'); CREATE TYPE comp AS (x int, y text);"
    "CREATE DOMAIN dom AS varchar(20); CREATE DOMAIN doi AS int CHECK (VALUE > 0);"
    'CREATE COLLATION "de.x" FROM "C"; CREATE SCHEMA "sch ema";'
    + ";".join(f"CREATE TABLE {table} ({COLUMNS})" for table in TABLES)
)
NAMES = ("plain", '"Mixed Name"', '"select"', '"índice_日本"', '"quo""te"', '"a.b"', '"with blank"', "name")

Classes = Mapping[str, tuple[str, ...]]
"""Per index method, the operator classes that may be said; '' is none."""


def _scalar(name: str, *, brin: str = "minmax minmax_multi bloom") -> Classes:
    own = ("", f"{name}_ops")
    return {"btree": own, "hash": own, "brin": ("", *(f"{name}_{kind}_ops" for kind in brin.split()))}


_TEXT: Classes = {
    "btree": ("", "text_ops", "varchar_ops", "text_pattern_ops", "varchar_pattern_ops", "bpchar_ops"),
    "hash": ("", "text_ops", "varchar_ops", "text_pattern_ops"),
    "spgist": ("", "text_ops"),
    "brin": ("", "text_minmax_ops", "text_bloom_ops"),
}
KINDS: Mapping[str, Classes] = {
    **{name: _scalar(name) for name in ("int2", "int4", "int8", "float8", "numeric", "date", "time")},
    **{name: _scalar(name) for name in ("timestamp", "timestamptz", "interval", "uuid", "macaddr", "pg_lsn")},
    **{name: _scalar(name, brin="minmax bloom") for name in ("bytea", "name", "char")},
    "bpchar": {
        **_scalar("bpchar", brin="minmax bloom"),
        "btree": ("", "bpchar_ops", "bpchar_pattern_ops"),
    },
    "text": _TEXT,
    "bool": {"btree": ("", "bool_ops"), "hash": ("", "bool_ops")},
    "inet": {
        "btree": ("", "inet_ops", "cidr_ops"),
        "hash": ("", "inet_ops", "cidr_ops"),
        "gist": ("inet_ops",),
        "spgist": ("", "inet_ops"),
        "brin": ("", "inet_inclusion_ops", "inet_minmax_ops", "inet_minmax_multi_ops", "inet_bloom_ops"),
    },
    "jsonb": {"btree": ("",), "hash": ("", "jsonb_ops"), "gin": ("", "jsonb_ops", "jsonb_path_ops")},
    "varbit": {"btree": ("", "varbit_ops"), "brin": ("", "varbit_minmax_ops")},
    "enum": {"btree": ("", "enum_ops"), "hash": ("", "enum_ops")},
    "array": {"btree": ("", "array_ops"), "hash": ("", "array_ops"), "gin": ("", "array_ops")},
    "range": {
        **dict.fromkeys(("btree", "hash", "gist", "spgist"), ("", "range_ops")),
        "brin": ("", "range_inclusion_ops"),
    },
    "multirange": dict.fromkeys(("btree", "hash", "gist"), ("", "multirange_ops")),
    "tsvector": dict.fromkeys(("btree", "gist", "gin"), ("", "tsvector_ops")),
    "tsquery": dict.fromkeys(("btree", "gist"), ("", "tsquery_ops")),
    "point": {"gist": ("", "point_ops"), "spgist": ("", "quad_point_ops", "kd_point_ops")},
    "box": {"gist": ("", "box_ops"), "spgist": ("", "box_ops"), "brin": ("", "box_inclusion_ops")},
    "polygon": {"gist": ("", "poly_ops"), "spgist": ("", "poly_ops")},
    "circle": {"gist": ("", "circle_ops")},
    "record": {"btree": ("", "record_ops"), "hash": ("", "record_ops")},
}
_KEYS_OF_KIND = {
    "int4": """
        i | i2 | di | "Mixed Case" | "quo""te" | coalesce(i, 0) | (i + 1) | (i * 2 + 1) | (-i) | abs(i)
        | greatest(i, 0) | (ia[1]) | ((co).x) | (nullif(i, 0)) | length(tx) | lower(r)
        | (position('a' in tx)) | (d - date '2020-01-01') | array_length(ia, 1) | (v::int) | (i % 10)
        | (CASE WHEN i > 0 THEN i ELSE i2 END)""",
    "int2": "sm | (i::smallint)",
    "int8": "i8 | (i::bigint) | (i8 + i)",
    "float8": "f | (p <-> point '(0,0)') | date_part('year', d) | sqrt(f)",
    "numeric": "n | (n::numeric(10,2)) | round(n, 2) | (extract(year from d)) | (extract(epoch from tsv))",
    "bool": """
        bo | (NOT bo) | (i IS NULL) | (i > 3) | (i BETWEEN 1 AND 2) | (v IN ('a', 'b')) | (tx LIKE 'a%')
        | (i = ANY (ia)) | (bo AND i > 3) | (i IN (1, 2)) | (bo IS TRUE) | (tx IS NOT NULL)
        | (i IS DISTINCT FROM 3) | (tx COLLATE "C" > 'a') | (bo OR i > 3 AND i2 > 4)""",
    "text": """
        tx | tx2 | txc | v | v0 | dm | "select" | "größe" | "a.b" | lower(tx) | upper(v) | lower("select")
        | (v::text) | (tx || v) | (tx || '-' || tx2) | (trim(tx)) | (trim(both 'x' from v))
        | (trim(trailing from tx)) | (substring(tx from 1 for 3)) | (substring(tx from 'a.c'))
        | (overlay(tx placing 'a' from 1 for 2)) | coalesce(tx, 'x') | coalesce(v, 'x')
        | (CASE WHEN bo THEN 'a' WHEN i IN (1, 2) THEN v ELSE tx END) | (CASE tx WHEN 'a' THEN 'b' END)
        | (j ->> 'a') | (j #>> '{a,b}') | md5(tx) | (u::text) | (i::text) | left(v, 3)
        | (tx COLLATE "C" || 'x') | lower(tx::varchar) | ((co).y)""",
    "char": "ch",
    "bpchar": "c | (c::char(3))",
    "name": "nm",
    "date": "d | (tsv::date) | ((ts AT TIME ZONE 'UTC')::date) | (d + 1)",
    "time": "tm | (tsv::time)",
    "timestamptz": "ts | (tsv AT TIME ZONE 'UTC') | timezone('CET', tsv)",
    "timestamp": """
        tsv | (ts AT TIME ZONE 'UTC') | timezone('UTC', ts) | date_trunc('day', tsv)
        | (tsv + interval '1 day') | date_trunc('day', ts AT TIME ZONE 'CET')""",
    "interval": "iv | (iv * 2)",
    "uuid": "u",
    "bytea": "by | sha256(by)",
    "jsonb": "j | (j -> 'a') | jsonb_strip_nulls(j)",
    "inet": "ine | ci | set_masklen(ine, 8)",
    "macaddr": "mac",
    "pg_lsn": "lsn",
    "varbit": "bits",
    "enum": "e | coalesce(e, 'a')",
    "array": "ia | ta | va | (ia || 1) | (array[i, i2]) | string_to_array(tx, ',')",
    "range": "r | tr | int4range(i, i2) | (r * int4range(1, 5))",
    "multirange": "mr | (mr + int4multirange(r))",
    "tsvector": "tv | to_tsvector('english', tx) | to_tsvector('simple', coalesce(tx, ''))",
    "tsquery": "tq",
    "point": "p | center(bx)",
    "box": "bx | box(p, p)",
    "polygon": "po",
    "circle": "ce",
    "record": "co",
}
KEYS = tuple((key.strip(), kind) for kind, keys in _KEYS_OF_KIND.items() for key in keys.split(" | "))
COLLATIONS = ('"C"', '"POSIX"', '"default"', '"de.x"', 'pg_catalog."C"', '"ucs_basic"')
_PREDICATES = """
    i > 3 | i >= 3 | i > 4 | i2 > 3 | NOT i > 3 | i IS NULL | i IS NOT NULL | i <> 3 | i != 4 | bo | NOT bo
    | bo IS TRUE | bo IS NOT TRUE | bo = true | v = 'a' | v <> 'a' | tx = 'a' | tx = 'A' | v IN ('a', 'b')
    | v IN ('a', 'c') | v NOT IN ('a', 'b') | tx IN ('a', 'b') | i IN (1, 2) | i IN (1, 3) | i NOT IN (1, 2)
    | i = ANY (ARRAY[1, 4]) | i BETWEEN 1 AND 2 | i BETWEEN 1 AND 3 | i NOT BETWEEN 1 AND 2 | tx LIKE 'a%'
    | tx LIKE 'b%' | tx NOT LIKE 'a%' | tx ILIKE 'a%' | tx ~ 'a' | tx ~* 'a' | v::text = 'x'
    | lower(tx) = 'a' | i > 3 AND i2 > 3 | i > 3 OR i2 > 3 | i > 3 AND (i2 > 3 OR bo)
    | (i > 3 AND i2 > 3) OR bo | d > '2020-01-01' | d > date '2020-01-02'
    | tsv > timestamp '2020-01-01 10:00' | ts > '2020-01-01 00:00+00' | e = 'a' | e IN ('a', 'b') | dm = 'a'
    | c = 'a' | n > 1.50 | n > 1e3 | f > '1.5' | iv > interval '1 day'
    | u = '00000000-0000-0000-0000-000000000001' | coalesce(bo, false) | j ->> 'a' = 'b' | j @> '{"a": 1}'
    | j ? 'a' | ine << '10.0.0.0/8' | ia @> ARRAY[1] | ia = '{1,2}' | r && int4range(1, 5)
    | tx COLLATE "C" > 'a' | "Mixed Case" > 1 | "select" = 'x' | "a.b" IS NULL | extract(year from d) = 2020
    | CASE WHEN bo THEN i > 1 ELSE false END | tx IS DISTINCT FROM 'a' | (co).x > 1 | i % 2 = 0 | -i > 3
    | by = '\\xdead' | tx = E'a\\nb' | tx = 'it''s' | i > 3::smallint | i8 > 3 | nm = 'a' | trim(tx) <> ''
    | length(tx) > 3 | ch = 'x' | va = '{a,b}' | v = ANY ('{a,b}'::text[])"""
PREDICATES = tuple(one.strip() for one in _PREDICATES.split(" | "))
PARAMETERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "btree": {"fillfactor": ("70", "'80'"), "deduplicate_items": ("off", "true")},
    "hash": {"fillfactor": ("60", "'75'")},
    "gist": {"fillfactor": ("60", "'75'"), "buffering": ("on", "off", "auto")},
    "spgist": {"fillfactor": ("60", "'75'")},
    "gin": {"fastupdate": ("'no'", "1"), "gin_pending_list_limit": ("128", "'256'")},
    "brin": {"pages_per_range": ("16", "'64'"), "autosummarize": ("on", "'false'")},
}
OPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "minmax_multi_ops": {"values_per_range": ("16", "'64'")},
    "bloom_ops": {"n_distinct_per_range": ("100", "-0.2"), "false_positive_rate": ("0.05", "'.02'")},
    "tsvector_ops": {"siglen": ("100", "'200'")},
}
