-- A student's lessons, by day.
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
