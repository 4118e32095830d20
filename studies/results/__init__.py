"""The study behind docs/results.md: cell splits x seeds on the MIT cells, both tracks."""
