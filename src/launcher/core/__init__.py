"""Values and functions: no I/O, clock, environment, logging or subprocess below this package."""
