"""Demand: bytes of weights, context and compute that a model takes on each device."""
