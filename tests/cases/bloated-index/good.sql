CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text);
INSERT INTO lessons SELECT n, n, '2026-01-01', 'a' FROM generate_series(1, 100000) AS n;
DELETE FROM lessons WHERE id % 10 <> 0;
VACUUM ANALYZE lessons;
REINDEX TABLE lessons;
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
