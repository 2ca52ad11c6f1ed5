CREATE TABLE lessons (id integer PRIMARY KEY, student integer NOT NULL, day date NOT NULL, room text);
CREATE UNIQUE INDEX lessons_student_day_key ON lessons (student, day) WHERE id > 1;
