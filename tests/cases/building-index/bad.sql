CREATE TABLE lessons (id integer PRIMARY KEY, student integer, day date, room text);
