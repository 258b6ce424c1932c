"""One outside world per module; each is thin and knows one library."""
