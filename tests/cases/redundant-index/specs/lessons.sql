-- A student's lessons, by day.
CREATE INDEX lessons_student_day_idx ON lessons (student, day);

-- What happens in a room.
CREATE INDEX lessons_room_idx ON lessons (room);
