"""Months ahead: draws of what may happen, replays of the cells they need, and what they add up to, with bands."""
