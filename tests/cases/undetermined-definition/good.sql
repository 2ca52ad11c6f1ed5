CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text);
CREATE FUNCTION is_open(lesson lessons) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT lesson.room IS NULL';
CREATE INDEX lessons_student_day_idx ON lessons (student, day) WHERE is_open(lessons);
