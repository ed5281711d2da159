"""The jobs: what imfeat is called with, what it is measured against, and how far ahead it should be."""

from benchmarks.jobs.images import ALL
from benchmarks.jobs.job import Goal, Job
from benchmarks.jobs.vectors import FIXED

__all__ = ["ALL", "EVERY", "FIXED", "Goal", "Job"]

EVERY = ALL | FIXED
