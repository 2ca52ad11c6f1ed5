CREATE UNIQUE INDEX CONCURRENTLY lessons_student_day_key ON lessons (student, day) WHERE id > 1
