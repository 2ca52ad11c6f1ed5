CREATE TABLE lessons (id integer PRIMARY KEY, student integer NOT NULL, day date NOT NULL, room text);
INSERT INTO lessons VALUES (1, 1, '2026-01-01'), (2, 1, '2026-01-01');
CREATE UNIQUE INDEX lessons_student_day_key ON lessons (student, day) WHERE id > 1;
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'lessons_student_day_key'::regclass;
