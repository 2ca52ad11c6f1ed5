-- A student has one lesson a day.
CREATE UNIQUE INDEX lessons_student_day_key ON lessons (student, day) WHERE id > 1;
