"""Decision records: written and read again they are the same; what breaks an earlier decision, and what a hostile file is told."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from sim.decision.record import Record, front_matter, held_against, record_of_text
from sim.errors import InputError

HASH = "12" * 31 + "e5"
DAY = datetime.date(2026, 11, 21)
FIGURES = {"kind": "api", "invoice_usd_p50": 1.5, "tco_usd_p5": 1.0, "tco_usd_p50": 2.0, "tco_usd_p95": 1e9, "months_to_production": 0.5}


def record(**changed: Any) -> Record:
    """Of two strategies, of which `api` is taken in 80 % of 400 futures."""
    said: dict[str, Any] = {
        "question": "Who answers? 'yes': \"no\" # --- é \u2028 line",
        "trace": "steady",
        "needs": "1e3",
        "outlook": "base",
        "start": "2026-11",
        "months": 12,
        "price_date": "2026-11-21",
        "recommendation": {"strategy": "api", "probability": 0.8, "se": 0.02, "runner_up": "own", "runner_up_probability": 0.2},
        "strategies": {"api": {**FIGURES, "state": "recommended"}, "own": {**FIGURES, "state": "passes"}},
        "gates": {"team": {"answer": "yes", "ruled_out": {}}},
        "review": {"date": "2027-05-01", "why": "6 months"},
        "inputs": {
            "trace": HASH, "needs": HASH, "outlook": HASH, "prices": HASH, "stacks": {"api": HASH}, "futures": 400, "seed": 0, "version": "1",
        },
    }  # fmt: skip
    return Record.model_validate({**said, **changed})


def won(strategy: str, probability: float, se: float = 0.02) -> dict[str, Any]:
    return {"strategy": strategy, "probability": probability, "se": se}


def test_a_record_reads_back_as_itself() -> None:
    text = f"{front_matter(record())}\n# Page\n\n---\nnot: [front matter\n"
    assert record_of_text(text, "decision.md") == record()
    assert record_of_text(text.replace("\n", "\r\n"), "decision.md") == record()


def test_a_record_in_which_nothing_passes_reads_back() -> None:
    nothing = record(recommendation=None, review=None, gates={})
    assert record_of_text(front_matter(nothing), "x") == nothing


def test_the_same_decision_holds_until_the_day_of_its_review() -> None:
    held = held_against(record(), record(), name="r", date=datetime.date(2027, 4, 30))
    assert (held.holds, held.changed) == (True, ())
    due = held_against(record(), record(), name="r", date=datetime.date(2027, 5, 1))
    assert not due.holds
    assert "looked at again on 2027-05-01" in due.because[0]


def test_another_winner_breaks_it() -> None:
    held = held_against(record(), record(recommendation=won("own", 0.7)), name="r", date=DAY)
    assert held.because == ("api was to be taken; now it is own, the best in 70.0% of futures",)


def test_a_lower_probability_breaks_it_beyond_two_standard_errors() -> None:
    """Of the difference: 2 x sqrt(0.02^2 + 0.02^2) = 0.0566."""
    assert held_against(record(), record(recommendation=won("api", 0.744)), name="r", date=DAY).holds
    held = held_against(record(), record(recommendation=won("api", 0.743)), name="r", date=DAY)
    assert held.because == ("api is the best in 74.3% of futures; recorded are 80.0%, and the error is 5.7%",)
    assert held_against(record(), record(recommendation=won("api", 1.0)), name="r", date=DAY).holds


def test_a_gate_or_a_requirement_that_the_winner_fails_breaks_it() -> None:
    own = won("own", 0.9)
    out = record(recommendation=own, gates={"team": {"answer": "no", "ruled_out": {"api": "nobody there"}}})
    assert held_against(record(), out, name="r", date=DAY).because[0] == "api is ruled out by gate team: nobody there"
    failing = {"api": {**FIGURES, "state": "fails", "why": "TTFT p95 3 s, needed 2 s"}, "own": {**FIGURES, "state": "recommended"}}
    found = held_against(record(), record(recommendation=own, strategies=failing), name="r", date=DAY)
    assert found.because[0] == "api fails: TTFT p95 3 s, needed 2 s"
    gone = held_against(record(), record(recommendation=own, strategies={"own": failing["own"]}), name="r", date=DAY)
    assert gone.because[0] == "api is no longer among the strategies"


def test_nothing_passing_and_something_passing_again() -> None:
    nothing = record(recommendation=None)
    assert held_against(record(), nothing, name="r", date=DAY).because == ("api was to be taken; now nothing passes",)
    assert held_against(nothing, record(), name="r", date=DAY).because == ("nothing passed; now api does",)
    assert held_against(nothing, nothing, name="r", date=DAY).holds


def test_what_changed_is_named() -> None:
    inputs = {**record().inputs.plain(), "trace": "0" * 64, "stacks": {"api": "1" * 64, "new": HASH}, "seed": 3}
    held = held_against(record(), record(inputs=inputs, months=6), name="r", date=DAY)
    assert held.changed == ("trace", "seed", "months", "stack of api", "stack of new")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no decision record"),
        ("# a page\n", "no decision record"),
        ("---\nquestion: x\n", "no decision record"),
        ("---\n# nothing\n---\n", "found nothing; keys and values are needed"),
        ("---\na: 1\n...\n--- {b: 1}\n---\n", "front matter of 2 documents; one is needed"),
        ("---\nquestion: !!python/object:os.system x\n---\n", "r.md:2:"),
        ("---\n- a\n- b\n---\n", "r.md:"),
        ("---\na: &a [x, x]\nb: [*a\n---\n", "r.md:"),
        (front_matter(record()).replace('"probability": 0.8', '"probability": 8'), "recommendation.probability"),
        (front_matter(record()).replace(f'"trace": "{HASH}"', '"trace": "abc"'), "a SHA-256 has 64 digits"),
        (front_matter(record()).replace("decision_record: 1", "decision_record: 2"), "r.md:2:"),
        (front_matter(record()).replace("2027-05-01", "soon"), "a day (2026-11-21) is needed"),
        (front_matter(record()).replace("question:", "qestion:"), "qestion"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InputError) as told:
        record_of_text(text, "r.md")
    assert says in str(told.value)
