-- A student's lessons in a known room.
CREATE INDEX lessons_student_day_idx ON lessons (student, day) WHERE room IS NOT NULL AND room <> ''::text;
