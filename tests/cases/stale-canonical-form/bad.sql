CREATE TABLE lessons (id integer PRIMARY KEY, student integer, room text);
CREATE INDEX lessons_room_idx ON lessons (lower(room));
