CREATE TABLE lessons (id integer PRIMARY KEY, room text NOT NULL, hour timestamptz);
CREATE UNIQUE INDEX lessons_room_hour_key ON lessons (room, hour);
