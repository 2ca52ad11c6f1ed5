-- Which way does this transaction write constants, and how long does it wait? pg_get_expr() writes dates and intervals as
-- the session wants them, and waits while somebody rebuilds or alters the table.
SELECT set_config(name, value, true)
FROM (VALUES ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'),
             ('lock_timeout', '5s')) AS wanted (name, value)
