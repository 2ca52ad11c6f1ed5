CREATE TABLE students (id integer PRIMARY KEY);
CREATE TABLE lessons (id integer PRIMARY KEY, student integer REFERENCES students, day date, room text);
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
