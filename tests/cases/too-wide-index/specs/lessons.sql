-- Lessons by their notes.
CREATE INDEX lessons_notes_idx ON lessons (notes);
