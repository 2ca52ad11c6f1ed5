CREATE TABLE rooms (name text PRIMARY KEY);
CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text REFERENCES rooms);
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
