"""The shared nouns of the harness. Imports nothing of ours."""
