-- A slot of an allocation is booked once.
CREATE UNIQUE INDEX sessions_allocation_id_scheduled_date_scheduled_time_key
    ON sessions (allocation_id, scheduled_date, scheduled_time);

PREPARE session_in_slot (uuid, date, time) AS
SELECT id, status FROM sessions WHERE allocation_id = $1 AND scheduled_date = $2 AND scheduled_time = $3;

-- A student's upcoming sessions, soonest first.
CREATE INDEX sessions_student_id_scheduled_date_idx ON sessions (student_id, scheduled_date);

PREPARE upcoming_sessions (uuid, date) AS
SELECT id, trainer_id, scheduled_date, scheduled_time FROM sessions
WHERE student_id = $1 AND scheduled_date >= $2 ORDER BY scheduled_date LIMIT 20;

-- A trainer's calendar.
CREATE INDEX sessions_trainer_id_scheduled_date_idx ON sessions (trainer_id, scheduled_date);

PREPARE calendar_of_trainer (uuid, date, date) AS
SELECT id, student_id, scheduled_date, scheduled_time FROM sessions
WHERE trainer_id = $1 AND scheduled_date BETWEEN $2 AND $3 ORDER BY scheduled_date;
