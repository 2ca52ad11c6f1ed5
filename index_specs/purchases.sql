-- The unique index allows one inactive purchase of a course as well, no more: whoever buys a course for the third
-- time needs the old inactive row to go. It is what the purchase service relies on, so it stays.

-- A student has no second active purchase of a course.
-- kc: allow unique-with-boolean-column -- production requires it as it is; see above
CREATE UNIQUE INDEX purchases_student_id_course_id_is_active_key ON purchases (student_id, course_id, is_active);

PREPARE active_purchase (uuid, uuid) AS
SELECT id, created_at FROM purchases WHERE student_id = $1 AND course_id = $2 AND is_active;

-- A student's purchases, the latest first.
CREATE INDEX purchases_student_id_created_at_idx ON purchases (student_id, created_at);

PREPARE purchases_of_student (uuid) AS
SELECT id, course_id, is_active, created_at FROM purchases WHERE student_id = $1 ORDER BY created_at DESC LIMIT 50;
