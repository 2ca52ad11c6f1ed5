"""Finds the pools in JavaScript and TypeScript: from the text of a file to what its process opens."""
