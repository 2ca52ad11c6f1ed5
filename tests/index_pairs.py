"""Pairs of indexes: written differently and the same, and alike and not; the tests let a server prove each.

A line is what follows `CREATE INDEX name ON t`, in ways parted by ` | `; each way makes a pair with the
line's first. A line that only newer servers know begins with the first version.
"""

from collections.abc import Iterator

_SAME = r"""
(i) | (i ASC) | (i NULLS LAST) | (i ASC NULLS LAST) | USING btree (i) | USING BTREE ("i") | ((i)) | (((i))) | (I) | (i) WHERE true
(i) | (i int4_ops) | (i pg_catalog.int4_ops) | ((i) int4_ops ASC)
(i DESC) | (i DESC NULLS FIRST) | ((i) DESC)
(i NULLS FIRST) | (i ASC NULLS FIRST)
(i DESC NULLS LAST) | ((i) int4_ops DESC NULLS LAST)
(v) | (v text_ops) | (v varchar_ops) | (v COLLATE "default") | (v pg_catalog.varchar_ops NULLS LAST)
(v varchar_pattern_ops) | (v text_pattern_ops)
(txc) | (txc COLLATE "C") | (txc COLLATE pg_catalog."C")
((tx COLLATE "C")) | (tx COLLATE "C") | ((tx COLLATE "POSIX") COLLATE "C")
(nm) | (nm COLLATE "C") | (nm name_ops)
(dm) | (dm text_ops) | (dm varchar_ops)
(di) | (di int4_ops)
(ci) | (ci inet_ops) | (ci cidr_ops)
("Mixed Case") | (("Mixed Case")) | ("Mixed Case" int4_ops)
("select", "größe", "quo""te") | (("select"), "größe" text_ops, "quo""te" ASC)
(i, v) INCLUDE (n, "größe") | (i int4_ops, v text_ops) INCLUDE ("n", "größe")
USING gist (bx) | USING rtree (bx) | USING GiST (bx box_ops)
USING gist (tv tsvector_ops (siglen = 100)) | USING gist (tv tsvector_ops (siglen = '100')) | USING gist (tv pg_catalog.tsvector_ops (SIGLEN=100))
USING brin (i int4_bloom_ops (n_distinct_per_range = 100, false_positive_rate = 0.05)) | USING brin (i int4_bloom_ops (false_positive_rate = 0.05, n_distinct_per_range = '100'))
USING gin (j) | USING gin (j jsonb_ops)
USING hash (v) | USING hash (v varchar_ops) | USING hash (v text_ops)
USING spgist (p) | USING spgist (p quad_point_ops)
(i) WITH (fillfactor = 70) | (i) WITH (fillfactor = '70') | (i) WITH (FILLFACTOR=70) | (i) WITH ("fillfactor" = 70)
(i) WITH (deduplicate_items = off) | (i) WITH (deduplicate_items = false) | (i) WITH (deduplicate_items = 'no') | (i) WITH (deduplicate_items = 0) | (i) WITH (deduplicate_items = f) | (i) WITH (deduplicate_items = OFF)
(i) WITH (deduplicate_items = on) | (i) WITH (deduplicate_items) | (i) WITH (deduplicate_items = true) | (i) WITH (deduplicate_items = 'yes') | (i) WITH (deduplicate_items = 1) | (i) WITH (deduplicate_items = 't') | (i) WITH (deduplicate_items = 'tru')
(i) WITH (fillfactor = 70, deduplicate_items = off) | (i) WITH (deduplicate_items = 'off', fillfactor = '70')
USING gin (tv) WITH (fastupdate = off, gin_pending_list_limit = 128) | USING gin (tv) WITH (gin_pending_list_limit = '128', fastupdate = n)
USING brin (i) WITH (pages_per_range = 16, autosummarize) | USING brin (i) WITH (autosummarize = on, pages_per_range = '16')
USING gist (p) WITH (buffering = on) | USING gist (p) WITH (buffering = 'on') | USING gist (p) WITH (buffering = ON)
(i) WHERE i > 3 | (i) WHERE (i > 3) | (i) WHERE ((i) > (3)) | (i) WHERE t.i > 3 | (i) WHERE "i" > 3 | (i) WHERE i > '3' | (i) WHERE i>3 | (i) WHERE i OPERATOR(pg_catalog.>) 3 | (i) WHERE public.t.i > 3
(i) WHERE i <> 3 | (i) WHERE i != 3
(i) WHERE NOT (i = 3 AND bo) | (i) WHERE (NOT (i = 3 AND bo)) | (i) WHERE NOT ((i = 3) AND (bo))
(i) WHERE i IN (1, 2) | (i) WHERE i = ANY (ARRAY[1, 2]) | (i) WHERE i in (1,2) | (i) WHERE (i = ANY (array[1,2])) | (i) WHERE i = SOME (ARRAY[1, 2])
(i) WHERE i NOT IN (1, 2) | (i) WHERE i <> ALL (ARRAY[1, 2]) | (i) WHERE i != ALL (ARRAY[1, 2])
(i) WHERE i IN (1) | (i) WHERE i = 1
(i) WHERE tx IN ('a', 'b') | (i) WHERE tx = ANY (ARRAY['a', 'b']) | (i) WHERE tx = ANY (ARRAY['a'::text, 'b'::text]) | (i) WHERE ((tx = ANY (ARRAY['a'::text, 'b'::text])))
(i) WHERE v IN ('a', 'b') | (i) WHERE v::text = ANY (ARRAY['a'::varchar, 'b'::varchar]::text[]) | (i) WHERE ((v)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])) | (i) WHERE ((v)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])) | (i) WHERE v = ANY (ARRAY['a'::varchar, 'b'])
(i) WHERE v NOT IN ('a', 'b') | (i) WHERE ((v)::text <> ALL ((ARRAY['a'::character varying, 'b'::character varying])::text[])) | (i) WHERE ((v)::text <> ALL (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))
(i) WHERE e IN ('a', 'b') | (i) WHERE e = ANY (ARRAY['a'::en, 'b'::en]) | (i) WHERE e IN ('a'::en, 'b')
(i) WHERE dm IN ('a', 'b') | (i) WHERE ((dm)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))
(i) WHERE i BETWEEN 1 AND 2 | (i) WHERE i >= 1 AND i <= 2 | (i) WHERE (i >= 1) AND (i <= 2) | (i) WHERE ((i >= 1) AND (i <= 2))
(i) WHERE i NOT BETWEEN 1 AND 2 | (i) WHERE i < 1 OR i > 2
(i) WHERE i BETWEEN SYMMETRIC 2 AND 1 | (i) WHERE (i >= 2 AND i <= 1) OR (i >= 1 AND i <= 2)
(i) WHERE tx LIKE 'a%' | (i) WHERE tx ~~ 'a%' | (i) WHERE (tx ~~ 'a%'::text) | (i) WHERE tx LIKE 'a%'::text
(i) WHERE tx NOT LIKE 'a%' | (i) WHERE tx !~~ 'a%' | (i) WHERE (tx !~~ 'a%'::text)
(i) WHERE tx ILIKE 'a%' | (i) WHERE tx ~~* 'a%'
(i) WHERE v LIKE 'a%' | (i) WHERE v::text LIKE 'a%' | (i) WHERE ((v)::text ~~ 'a%'::text)
(i) WHERE tx LIKE 'a!%' ESCAPE '!' | (i) WHERE tx ~~ like_escape('a!%', '!')
(i) WHERE tx SIMILAR TO 'a%' | (i) WHERE tx ~ similar_to_escape('a%')
(i) WHERE v = 'a' | (i) WHERE v::text = 'a' | (i) WHERE v = 'a'::text | (i) WHERE (v)::text = 'a'::text | (i) WHERE ((v)::text = 'a'::text)
(i) WHERE tx = 'a' | (i) WHERE tx = 'a'::text | (i) WHERE tx = CAST('a' AS text) | (i) WHERE tx = text 'a' | (i) WHERE tx = E'a' | (i) WHERE tx = $$a$$ | (i) WHERE tx = U&'\0061'
(i) WHERE tx = E'a\\b' | (i) WHERE tx = 'a\b'
(i) WHERE d > '2020-01-01' | (i) WHERE d > date '2020-01-01' | (i) WHERE d > '2020-01-01'::date | (i) WHERE d > CAST('2020-01-01' AS date) | (i) WHERE d > '20200101' | (i) WHERE d > 'January 1, 2020'
(i) WHERE ts > '2020-01-01 00:00+00' | (i) WHERE ts > timestamptz '2020-01-01 01:00+01' | (i) WHERE ts > '2020-01-01 00:00:00+00'::timestamp with time zone | (i) WHERE ts > '2020-01-01T00:00:00Z'
(i) WHERE tsv > timestamp '2020-01-01' | (i) WHERE tsv > '2020-01-01 00:00:00' | (i) WHERE tsv > '2020-01-01 00:00:00'::timestamp without time zone
(i) WHERE iv > interval '1 day' | (i) WHERE iv > '1 day'::interval | (i) WHERE iv > '1 day' | (i) WHERE iv > 'P1D'
(i) WHERE bo | (i) WHERE (bo) | (i) WHERE t.bo | (i) WHERE bo::boolean
(i) WHERE NOT bo | (i) WHERE (NOT bo) | (i) WHERE not (bo)
(i) WHERE bo = true | (i) WHERE bo = 't' | (i) WHERE bo = 'yes'::bool | (i) WHERE (bo = true)
(i) WHERE bo IS NOT TRUE | (i) WHERE (bo IS NOT TRUE)
(i) WHERE i IS NULL | (i) WHERE i ISNULL | (i) WHERE (i IS NULL)
(i) WHERE i IS NOT NULL | (i) WHERE i NOTNULL | (i) WHERE (i) IS NOT NULL
(i) WHERE i > 3 AND bo AND tx = 'a' | (i) WHERE (i > 3 AND bo) AND tx = 'a' | (i) WHERE ((i > 3) AND bo AND (tx = 'a'::text))
(i) WHERE i > 3 OR bo AND i2 > 3 | (i) WHERE i > 3 OR (bo AND i2 > 3) | (i) WHERE ((i > 3) OR (bo AND (i2 > 3)))
(i) WHERE n > 1.5 | (i) WHERE n > 1.5::numeric | (i) WHERE (n > 1.5)
(i) WHERE f > 1.5 | (i) WHERE f > 1.5::float8 | (i) WHERE (f > (1.5)::double precision) | (i) WHERE f > 1.5::double precision
(i) WHERE i > -1 | (i) WHERE i > '-1' | (i) WHERE i > '-1'::integer | (i) WHERE (i > '-1'::integer)
(i) WHERE i8 > 3000000000 | (i) WHERE i8 > '3000000000' | (i) WHERE (i8 > '3000000000'::bigint) | (i) WHERE i8 > 3000000000::bigint
(i) WHERE u = '00000000-0000-0000-0000-00000000000a' | (i) WHERE u = '{00000000-0000-0000-0000-00000000000A}' | (i) WHERE u = '00000000-0000-0000-0000-00000000000a'::uuid
(i) WHERE j @> '{"a": 1}' | (i) WHERE j @> '{"a":1}'::jsonb | (i) WHERE j @> jsonb '{ "a" : 1 }'
(i) WHERE ia = '{1,2}' | (i) WHERE ia = '{1, 2}'::int[] | (i) WHERE ia = '{1,2}'::integer[]
(i) WHERE c = 'a' | (i) WHERE c = 'a'::bpchar
(i) WHERE tx = 'it''s' | (i) WHERE tx = $q$it's$q$ | (i) WHERE tx = E'it\'s'
(i) WHERE i = ANY ('{1,2}') | (i) WHERE i = ANY ('{1,2}'::int[]) | (i) WHERE (i = ANY ('{1,2}'::integer[]))
(lower(tx)) | ((lower(tx))) | (LOWER(tx)) | (pg_catalog.lower(tx)) | (lower("tx")) | (lower(t.tx)) | (lower(tx) text_ops) | (lower(tx) COLLATE "default") | (lower(tx) varchar_ops)
(lower(v)) | (lower(v::text)) | (lower((v)::text)) | (lower(CAST(v AS text)))
(lower(tx) COLLATE "C") | ((lower(tx) COLLATE "C")) | ((lower(tx)) COLLATE "C")
((tx COLLATE "C" || 'x')) | (((tx COLLATE "C") || 'x'::text))
((v::varchar(30))) | (v) | ((v::varchar(30)) ASC)
((tx::text)) | (tx) | ((t.tx))
((i::bigint)) | ((CAST(i AS int8))) | (((i)::bigint)) | (int8(i))
((n::numeric(10,2))) | ((CAST(n AS decimal(10, 2)))) | ((n::pg_catalog.numeric(10, 2)))
((i + 1)) | ((i+1)) | (((i + 1))) | ((i + '1')) | ((i + 1::int))
((i IS NULL)) | ((i ISNULL))
((-i)) | ((- i))
(coalesce(i, 0)) | (COALESCE(i, 0)) | ((coalesce(i, 0))) | (coalesce(i, '0'))
(coalesce(v, 'x')) | (coalesce(v, 'x'::varchar)) | (coalesce(v, 'x'::character varying))
(nullif(i, 0)) | ((NULLIF(i, 0)))
(greatest(i, 0)) | (GREATEST(i, 0))
((CASE WHEN i > 0 THEN 'a' ELSE tx END)) | ((CASE WHEN (i > 0) THEN 'a'::text ELSE tx END))
((CASE WHEN bo THEN i END)) | ((CASE WHEN bo THEN i ELSE NULL END)) | ((CASE WHEN bo THEN i ELSE NULL::integer END))
((CASE tx WHEN 'a' THEN 1 ELSE 2 END)) | ((CASE tx WHEN 'a'::text THEN 1 ELSE 2 END))
((ts AT TIME ZONE 'UTC')) | (timezone('UTC', ts)) | ((timezone('UTC'::text, ts))) | ((ts AT TIME ZONE 'UTC'::text)) | ((ts at time zone 'UTC'))
((tsv AT TIME ZONE 'UTC')) | (timezone('UTC', tsv))
(((ts AT TIME ZONE 'UTC')::date)) | ((timezone('UTC', ts)::date)) | ((CAST(ts AT TIME ZONE 'UTC' AS date))) | (date(ts AT TIME ZONE 'UTC')) | (date(timezone('UTC', ts)))
(date_trunc('day', ts AT TIME ZONE 'UTC')) | (date_trunc('day'::text, timezone('UTC'::text, ts)))
((extract(year from d))) | ((EXTRACT(YEAR FROM d))) | ((extract('year' from d))) | (extract(year from d))
(trim(tx)) | ((TRIM(BOTH FROM tx))) | (btrim(tx)) | (trim(both tx)) | (pg_catalog.btrim(tx))
(trim(leading 'x' from tx)) | (ltrim(tx, 'x')) | ((TRIM(LEADING 'x'::text FROM tx)))
(trim(trailing from tx)) | (rtrim(tx))
(trim('x' from tx)) | (trim(both 'x' from tx)) | (btrim(tx, 'x')) | (trim(tx, 'x'))
(substring(tx from 1 for 3)) | (substring(tx, 1, 3)) | ((SUBSTRING(tx FROM 1 FOR 3)))
(substring(tx from 2)) | (substring(tx, 2))
(substring(tx from 'a.c')) | (substring(tx, 'a.c')) | ((SUBSTRING(tx FROM 'a.c'::text)))
(position('a' in tx)) | ((POSITION(('a'::text) IN (tx)))) | ("position"(tx, 'a'))
(overlay(tx placing 'a' from 1 for 2)) | (overlay(tx, 'a', 1, 2)) | ((OVERLAY(tx PLACING 'a'::text FROM 1 FOR 2)))
(normalize(tx, NFC)) | ("normalize"(tx, 'NFC'))
((j ->> 'a')) | ((j->>'a')) | ((j ->> 'a'::text))
((j #>> '{a,b}')) | ((j #>> '{a,b}'::text[])) | ((j #>> '{a, b}'))
((j -> 'a' ->> 'b')) | (((j -> 'a') ->> 'b')) | (((j -> 'a'::text) ->> 'b'::text))
((ia[1])) | ((t.ia[1])) | (((ia)[1]))
((array[i, i2])) | ((ARRAY[i, i2]))
(((co).x)) | (((t.co).x))
((tx || 'x')) | ((tx || 'x'::text)) | ((tx||'x'))
((tx || '-' || v)) | (((tx || '-'::text) || v)) | (((tx || '-') || v::text))
((i BETWEEN 1 AND 2)) | ((i >= 1 AND i <= 2))
((tx IS DISTINCT FROM 'a')) | ((tx IS DISTINCT FROM 'a'::text))
((d + 1)) | ((d + '1'::integer))
((d - date '2020-01-01')) | ((d - '2020-01-01'::date))
((tsv + interval '1 day')) | ((tsv + '1 day')) | ((tsv + '1 day'::interval))
USING gin (to_tsvector('english', tx)) | USING gin (to_tsvector('english'::regconfig, tx)) | USING gin (to_tsvector('pg_catalog.english', tx)) | USING gin ((to_tsvector('english', tx)) tsvector_ops)
USING gist (to_tsvector('simple', tx) tsvector_ops (siglen = 64)) | USING gist (to_tsvector('simple'::regconfig, tx) tsvector_ops (siglen='64'))
USING gist (int4range(i, i2)) | USING gist (int4range(i, i2) range_ops) | USING gist ((pg_catalog.int4range(i, i2)))
UNIQUE (i, lower(tx)) INCLUDE (n) WHERE bo | UNIQUE USING btree (i, (lower(tx))) INCLUDE ("n") WHERE (bo)
15+ UNIQUE (i) NULLS NOT DISTINCT | UNIQUE USING btree ((i) ASC) NULLS NOT DISTINCT
15+ UNIQUE (i) NULLS DISTINCT | UNIQUE (i)
15+ UNIQUE (i) NULLS NOT DISTINCT WHERE i > 3 | UNIQUE (i) NULLS NOT DISTINCT WHERE (i > '3')
16+ (i) WHERE i > 0x10 | (i) WHERE i > 16 | (i) WHERE i > 1_6
16+ (i) WHERE j IS JSON OBJECT | (i) WHERE (j IS JSON OBJECT)
17+ (json_value(j, '$.a')) | ((JSON_VALUE(j, '$."a"' RETURNING text)))
"""  # noqa: E501 - the ways to write one index, in a line

_DIFFERENT = r"""
(i) | (i DESC) | (i NULLS FIRST) | (i2) | (i, i2) | USING hash (i) | USING brin (i) | UNIQUE (i) | (i) INCLUDE (i2) | (i) WHERE i > 3 | (i) WITH (fillfactor = 70)
(i DESC) | (i DESC NULLS LAST)
(i, i2) | (i2, i) | (i) INCLUDE (i2) | (i, i2 DESC)
(i) INCLUDE (i2, n) | (i) INCLUDE (n, i2)
(tx) | (tx COLLATE "C") | (tx text_pattern_ops) | (tx2) | (lower(tx)) | (tx COLLATE "POSIX") | USING spgist (tx) | (tx bpchar_ops)
(tx COLLATE "C") | (tx COLLATE "POSIX") | (tx COLLATE "de.x") | (tx COLLATE "ucs_basic")
(txc) | (txc COLLATE "default")
(v) | ((v::text)) | (v varchar_pattern_ops) | ((v::varchar(10)))
(lower(tx)) | (lower(tx) COLLATE "C") | (lower(tx) text_pattern_ops) | (upper(tx)) | (lower(tx2)) | (lower(tx) DESC) | (lower(tx COLLATE "C")) | (lower(tx) bpchar_ops)
USING gin (j) | USING gin (j jsonb_path_ops) | USING gin ((j -> 'a'))
USING gist (p) | USING spgist (p) | USING gist (p) WITH (buffering = off)
USING spgist (p) | USING spgist (p kd_point_ops)
USING gist (tv) | USING gist (tv tsvector_ops (siglen = 64)) | USING gin (tv)
USING gist (tv tsvector_ops (siglen = 64)) | USING gist (tv tsvector_ops (siglen = 100))
USING brin (i) | USING brin (i int4_bloom_ops) | USING brin (i int4_minmax_multi_ops) | USING brin (i) WITH (pages_per_range = 16)
USING brin (i int4_minmax_multi_ops) | USING brin (i int4_minmax_multi_ops (values_per_range = 16))
USING brin (ine) | USING brin (ine inet_minmax_ops) | USING brin (ine inet_bloom_ops)
USING gist (ine inet_ops) | USING spgist (ine) | (ine)
(i) WITH (fillfactor = 70) | (i) WITH (fillfactor = 71) | (i) WITH (deduplicate_items = off)
(i) WITH (deduplicate_items = off) | (i) WITH (deduplicate_items = on)
(i) WHERE i > 3 | (i) WHERE i >= 3 | (i) WHERE i > 4 | (i) WHERE i2 > 3 | (i) WHERE NOT i > 3 | (i) WHERE i > 3 AND bo
(i) WHERE bo | (i) WHERE bo IS TRUE | (i) WHERE bo = true | (i) WHERE NOT bo | (i) WHERE bo IS NOT FALSE
(i) WHERE i IN (1, 2) | (i) WHERE i IN (2, 1) | (i) WHERE i IN (1, 3) | (i) WHERE i NOT IN (1, 2) | (i) WHERE i = 1 OR i = 2 | (i) WHERE i = ANY ('{1,2}')
(i) WHERE v IN ('a', 'b') | (i) WHERE v IN ('a', 'B') | (i) WHERE v0 IN ('a', 'b') | (i) WHERE v IN ('a', 'b', 'c') | (i) WHERE v NOT IN ('a', 'b')
(i) WHERE i BETWEEN 1 AND 2 | (i) WHERE i BETWEEN SYMMETRIC 1 AND 2 | (i) WHERE i > 1 AND i <= 2 | (i) WHERE i NOT BETWEEN 1 AND 2
(i) WHERE tx LIKE 'a%' | (i) WHERE tx ILIKE 'a%' | (i) WHERE tx LIKE 'A%' | (i) WHERE tx ~ 'a%' | (i) WHERE tx NOT LIKE 'a%'
(i) WHERE tx = 'a' | (i) WHERE tx = 'a ' | (i) WHERE tx = 'A' | (i) WHERE tx IS NOT DISTINCT FROM 'a' | (i) WHERE tx = 'a' COLLATE "C"
(i) WHERE c = 'a' | (i) WHERE c::text = 'a'
(i) WHERE i > 3 AND (i2 > 3 OR bo) | (i) WHERE i > 3 AND i2 > 3 OR bo
(i) WHERE i8 > 3 | (i) WHERE i8 > 3::bigint | (i) WHERE i8 > 3.0
(i) WHERE ts > '2020-01-01 00:00+00' | (i) WHERE ts > '2020-01-01 00:00+01'
(i) WHERE d > '2020-01-02' | (i) WHERE d > '2020-02-01'
(i) WHERE n > 1.5 | (i) WHERE n > 1.50
(i) WHERE iv > '1 day' | (i) WHERE iv > '24 hours'
((ts AT TIME ZONE 'UTC')) | ((ts AT TIME ZONE 'CET')) | ((ts AT TIME ZONE 'GMT')) | ((tsv AT TIME ZONE 'UTC'))
(date_trunc('day', tsv)) | (date_trunc('hour', tsv))
((extract(year from d))) | ((extract(month from d))) | (date_part('year', d))
(trim(tx)) | (ltrim(tx)) | (rtrim(tx)) | (trim('x' from tx)) | (btrim(tx, ' '))
(substring(tx from 1 for 3)) | (substring(tx from 1 for 4)) | (substr(tx, 1, 3)) | (left(tx, 3))
(coalesce(i, 0)) | (coalesce(i, 1)) | (nullif(i, 0)) | (coalesce(i2, 0))
((CASE WHEN bo THEN i ELSE i2 END)) | ((CASE WHEN bo THEN i2 ELSE i END)) | ((CASE WHEN NOT bo THEN i ELSE i2 END))
((i + 1)) | ((1 + i)) | ((i + 2)) | ((i - 1)) | ((i8 + 1)) | ((i + 1) DESC)
((i + i2)) | ((i2 + i))
((n::numeric(10,2))) | ((n::numeric(10,3))) | (n) | (round(n, 2))
((j ->> 'a')) | ((j ->> 'A')) | ((j #>> '{a}')) | ((j -> 'a'))
((ia[1])) | ((ia[2])) | ((ia[1:1]))
((tx || v)) | ((v || tx)) | ((tx || v0))
UNIQUE (i) | UNIQUE (i) WHERE bo | UNIQUE (i) INCLUDE (i2) | UNIQUE (i, i2)
15+ UNIQUE (i) | UNIQUE (i) NULLS NOT DISTINCT
("Mixed Case") | ("select") | ("quo""te")
"""  # noqa: E501 - one index and those that look like it, in a line

Pair = tuple[int, str, str]
"""The first version that knows it, and what follows `ON t` in both."""


def _pairs(lines: str) -> Iterator[Pair]:
    for line in lines.strip().splitlines():
        version, plus, ways = line.partition("+ ")
        if not (plus and version.isdecimal()):
            version, ways = "14", line
        first, *others = (way.strip() for way in ways.split(" | "))
        yield from ((int(version), first, other) for other in others)


SAME = tuple(_pairs(_SAME))
DIFFERENT = tuple(_pairs(_DIFFERENT))
