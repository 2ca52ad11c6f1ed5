-- A student's open lessons.
CREATE INDEX lessons_student_day_idx ON lessons (student, day) WHERE is_open(lessons.*);
