"""All there is to learn from a GPU in ten minutes; see README.md beside this file."""
