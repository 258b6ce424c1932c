"""Use cases: each observes, plans and acts through the Protocols of the edges that it needs."""
