"""Stacks: what we run, declared in YAML; its schema, its meaning, and its resolution to plain numbers."""

from sim.stack.facts import TraceFacts, facts_of
from sim.stack.read import StackFile, read_stack
from sim.stack.resolve import resolve
from sim.stack.resolved import Origin, ResolvedApi, ResolvedPool, ResolvedStack

__all__ = ["Origin", "ResolvedApi", "ResolvedPool", "ResolvedStack", "StackFile", "TraceFacts", "facts_of", "read_stack", "resolve"]
