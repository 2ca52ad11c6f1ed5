"""How far a fleet can go, and what makes it fit; each answer certified: one step more doesn't fit."""
