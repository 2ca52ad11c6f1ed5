CREATE TABLE lessons (id integer PRIMARY KEY, notes varchar(1000));
CREATE INDEX lessons_notes_idx ON lessons (notes);
