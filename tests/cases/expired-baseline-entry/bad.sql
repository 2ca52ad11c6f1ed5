CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text);
CREATE INDEX by_student ON lessons (student, day);
