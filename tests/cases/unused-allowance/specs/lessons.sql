-- A student's lessons, by day.
-- kc: allow misnamed-index -- the old name is in the dashboards
CREATE INDEX lessons_student_day_idx ON lessons (student, day);
