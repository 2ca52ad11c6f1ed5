"""The verifier: specs and the live catalog become IndexDefs, are matched, and the rules say what is wrong."""
