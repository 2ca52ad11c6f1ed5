CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text);
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
