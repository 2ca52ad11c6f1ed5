CREATE TABLE lessons (id integer PRIMARY KEY, student integer NOT NULL, course integer NOT NULL, is_current smallint NOT NULL);
CREATE UNIQUE INDEX lessons_current_key ON lessons (student, course, is_current);
