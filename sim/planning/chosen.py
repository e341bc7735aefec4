"""The stack that a plan chose, as settings over the one that it began with: what these are, and a sentence of its own for people."""

from __future__ import annotations

import json

from sim.planning.candidates import Candidate
from sim.planning.evaluate import stack_at
from sim.planning.points import Study


def chosen_settings(study: Study, candidate: Candidate) -> tuple[str, ...]:
    """The settings of a candidate; where it is another stack than the plan began with, with a sentence for people that is true of it."""
    began, chosen = (stack_at(study, settings).stack.plain() for settings in ((), candidate.settings))
    if chosen == began:
        return candidate.settings
    words = f"{study.stack_name}, as sim plan chose it: {candidate.words}"
    return (*candidate.settings, f"description={json.dumps(words, ensure_ascii=False)}")
