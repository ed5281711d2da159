"""Whole commands, from image files to tables: ``python -m benchmarks.extraction --data FOLDER``."""
