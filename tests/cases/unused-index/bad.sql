CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text);
INSERT INTO lessons SELECT n, n, '2026-01-01', 'a' FROM generate_series(1, 60000) AS n;
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
SELECT pg_stat_reset();
SELECT pg_sleep(1); -- PostgreSQL 14 hands statistics on with a delay
