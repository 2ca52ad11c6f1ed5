-- A student has one current lesson of a course.
CREATE UNIQUE INDEX lessons_current_key ON lessons (student, course, is_current);
