"""The tests: unit, sandbox, integration (both applications in one process), browser and bench."""
