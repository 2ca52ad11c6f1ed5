CREATE TABLE lessons (id integer PRIMARY KEY, student integer NOT NULL, day date NOT NULL, room text);
