"""The study behind the table of docs/tasks.md: the whole pipeline up to its report, once for each task."""
