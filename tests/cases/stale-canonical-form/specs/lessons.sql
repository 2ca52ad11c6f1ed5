-- Lessons in a room, however it is written.
CREATE INDEX lessons_room_idx ON lessons (lower(room));
