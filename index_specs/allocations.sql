-- A student's allocation for a course.
CREATE INDEX allocations_student_id_course_id_status_idx ON allocations (student_id, course_id, status);

PREPARE allocation_for_course (uuid, uuid) AS
SELECT id, trainer_id, created_at FROM allocations
WHERE student_id = $1 AND course_id = $2 AND status = 'active';

-- A trainer's open assignments.
CREATE INDEX allocations_trainer_id_status_idx ON allocations (trainer_id, status);

PREPARE open_assignments (uuid) AS
SELECT id, student_id, course_id FROM allocations WHERE trainer_id = $1 AND status = 'active';
