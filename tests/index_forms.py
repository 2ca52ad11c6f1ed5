"""What the server itself says an index is, so that it can judge whether two statements make one index."""

from collections.abc import Sequence

from tests.conftest import Connection

PASSING_NAME = "kc_form"
REFUSED = "refused: "

# The statement is run, then pg_get_indexdef() of what it made, until that stands still, as a dump and
# restore would do. The form is what the catalog has in the end, without what makes no difference to the
# server: which of two names an operator class has, how a storage parameter was spelled, and, of an
# expression's tree, where a node stood and whether a function was written as a call, a cast or in SQL's own
# syntax (equal() in src/backend/nodes/equalfuncs.c leaves out the same). What is made is undone at once.
_FUNCTION = rf"""
CREATE FUNCTION public.kc_index_form(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    made oid;
    given text := statement;
    text text;
    parameters text;
    form text;
BEGIN
    FOR round IN 1..5 LOOP
        BEGIN
            EXECUTE given;
            SELECT oid INTO STRICT made FROM pg_class WHERE relname = '{PASSING_NAME}';
            SELECT string_agg(option_name || '=' || CASE
                       WHEN option_name IN ('deduplicate_items', 'fastupdate', 'autosummarize')
                       THEN option_value::boolean::text
                       WHEN option_name = 'buffering' THEN lower(option_value)
                       ELSE trim_scale(option_value::numeric)::text END, ', ' ORDER BY option_name)
            INTO parameters
            FROM pg_class, pg_options_to_table(reloptions) WHERE oid = made;
            SELECT concat_ws(' ', amname, index.*::text, parameters,
                (SELECT string_agg(opcfamily || '/' || opcintype, ' ' ORDER BY position)
                 FROM unnest(indclass::oid[]) WITH ORDINALITY AS class (oid, position)
                 JOIN pg_opclass USING (oid)),
                (SELECT string_agg(attnum || ':' || option_name || '=' || option_value::numeric, ' '
                                   ORDER BY attnum, option_name)
                 FROM pg_attribute, pg_options_to_table(attoptions) WHERE attrelid = made),
                regexp_replace(concat_ws(' WHERE ', indexprs, indpred),
                               ' :(\w+format|location|list_start|list_end) -?\d+', '', 'g'))
            INTO form
            FROM pg_class JOIN pg_am ON pg_am.oid = relam, pg_index, LATERAL (
                SELECT indrelid, indkey, indnkeyatts, indisunique, indoption, indcollation,
                       to_jsonb(pg_index) -> 'indnullsnotdistinct') AS index
            WHERE pg_class.oid = made AND indexrelid = made;
            text := pg_get_indexdef(made);
            RAISE SQLSTATE 'KC001';
        EXCEPTION WHEN SQLSTATE 'KC001' THEN NULL;
        END;
        EXIT WHEN text = given;
        given := text;
    END LOOP;
    RETURN form;
EXCEPTION WHEN OTHERS THEN
    RETURN '{REFUSED}' || SQLERRM;
END $$
"""


def make_forms(connection: Connection) -> None:
    """Makes the function that forms() calls."""
    connection.execute(_FUNCTION.encode())


def forms(connection: Connection, statements: Sequence[str]) -> list[str]:
    """What the server makes of each statement, all of which name the index `PASSING_NAME`.

    One that it refuses begins with REFUSED.
    """
    given = "unnest(%s::text[]) WITH ORDINALITY AS given (statement, position)"
    question = f"SELECT public.kc_index_form(statement) FROM {given} ORDER BY position"
    rows = connection.execute(question.encode(), [list(statements)])
    return [str(row[0]) for row in rows]
