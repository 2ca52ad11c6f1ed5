-- A room is taken once at a time.
CREATE UNIQUE INDEX lessons_room_hour_key ON lessons (room, hour);
