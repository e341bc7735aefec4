"""Checks of advice on the model and the vendor: training from scratch, too few examples, no comparison, no review, no second vendor."""

from __future__ import annotations

from sim.decision.advice_case import BLUEPRINT, TEXTBOOK, Advice, AdviceCase, Figure, Severity, items_usd, percent, total, totals, usd
from sim.decision.facts import StrategyFacts
from sim.decision.quality import PROMPTED


def from_scratch(case: AdviceCase) -> list[Advice]:
    """A model of one's own is made although an API with a good prompt is measured to be about as good, or to meet the target."""
    apis = [each for each in case.facts if each.strategy.kind in PROMPTED and each.quality is not None]
    if not apis:
        return []
    api = max(apis, key=lambda each: (each.quality.score if each.quality else 0.0, -total(each)))
    found = []
    for each in case.facts:
        if each.strategy.trained and _suffices(case, api, each):
            assert api.quality is not None
            extra = float((totals(each) - totals(api)).mean())
            later = each.months_to_production - api.months_to_production
            evidence = [
                Figure("api_score", api.quality.score, "share"),
                Figure("extra_tco", extra, "usd"),
                Figure("later", later, "months"),
            ]
            if each.quality is not None:
                evidence.insert(1, Figure("own_score", each.quality.score, "share"))
            says = (
                f"{each.name} makes a model where {api.name} scores {api.quality.score:.3f} already; "
                f"it costs {usd(extra)} more than that and is ready {later:.1f} months later"
            )
            severity: Severity = "stop" if case.is_taken(each) else "note"
            do = f"begin with {api.name}, and train only what it is measured to fall short of"
            found.append(
                Advice("scratch_where_an_api_would_do", severity, each.name, says, do, tuple(evidence), max(extra, 0.0), BLUEPRINT)
            )
    return found


def _suffices(case: AdviceCase, api: StrategyFacts, own: StrategyFacts) -> bool:
    if case.ninety is not None and case.ninety.reached in ("met", "reached"):
        return True
    if api.quality is None or own.quality is None:
        return False
    return own.quality.score - api.quality.score <= case.known.good_enough_share + 1e-12


def too_few_examples(case: AdviceCase) -> list[Advice]:
    """A model is tuned on fewer examples than it takes: below the least it gets worse, below the usual it gains little."""
    examples, found = case.needs.data_available.examples, []
    least, usual = case.rules.fewest_examples, case.known.usual_examples
    if examples is None or examples >= usual:
        return []
    for each in case.tuned:
        taken = case.is_taken(each)
        spent = max(0.0, total(each) - total(case.api)) if case.api is not None else items_usd(each, "retraining_")
        severity: Severity = "note" if not taken else "stop" if examples < least else "warning"
        what = (
            f"fewer than {least:,}: it learns them by heart and may be worse than the base model"
            if examples < least
            else f"{usual:,} and more are usual"
        )
        evidence = (Figure("examples", examples, "examples"), Figure("least", least, "examples"), Figure("usual", usual, "examples"))
        do = f"label {(least if examples < least else usual) - examples:,} more examples first, or prompt with those that there are"
        says = f"{each.name} tunes a model on {examples:,} examples; {what}"
        source = case.known.source("usual_examples").source if examples >= least else BLUEPRINT
        found.append(Advice("too_few_examples", severity, each.name, says, do, evidence, spent, source))
    return found


def no_before_after(case: AdviceCase) -> list[Advice]:
    """A model is tuned, and nobody measures the base model on the same test set: then nothing shows that tuning helped."""
    if case.needs.agreed.before_after:
        return []
    found = []
    for each in (*case.tuned, *(one for one in case.facts if one.strategy.trained)):
        spent = items_usd(each, "retraining_") if each.forecast is not None else total(each)
        bases = [other for other in case.facts if other.strategy.kind in PROMPTED and other.quality is not None]
        if each.quality is not None and bases:
            continue
        severity: Severity = "warning" if case.is_taken(each) else "note"
        evidence = (
            Figure("scores_of_base_models", len(bases), ""), Figure("own_score_known", float(each.quality is not None), ""),
            Figure("training", spent, "usd"),
        )  # fmt: skip
        says = f"nobody has measured {each.name} against what it begins with, and nothing is agreed (agreed.before_after)"
        do = "measure the base model and the tuned one on the same test set, by a metric agreed upon before"
        found.append(Advice("no_before_after_evaluation", severity, each.name, says, do, evidence, spent, BLUEPRINT))
    return found


def one_time_decision(case: AdviceCase) -> list[Advice]:
    """Nobody looks at the decision again for longer than models and prices stand still."""
    taken, usual, agreed = case.taken, case.known.review_months, case.needs.review_months
    if taken is None or agreed <= usual or case.months <= usual:
        return []
    unseen = float(taken.tco_usd_by_month[:, usual : min(agreed, case.months)].sum(axis=1).mean())
    evidence = (
        Figure("review_after", agreed, "months"),
        Figure("models_change_about_every", usual, "months"),
        Figure("spent_meanwhile", unseen, "usd"),
    )
    says = f"it is looked at again after {agreed} months only; {usual} are usual, and {usd(unseen)} are spent in between"
    do = f"look at it again every {usual} months with the latest models and prices (review_months: {usual})"
    return [Advice("one_time_decision", "warning", taken.name, says, do, evidence, unseen, case.known.source("review_months").source)]


def single_vendor(case: AdviceCase) -> list[Advice]:
    """All requests depend on one vendor, and nothing of one's own answers when it is out."""
    taken = case.taken
    if taken is None or len(taken.strategy.vendors) != 1 or taken.strategy.own_gpus:
        return []
    vendor = taken.strategy.vendors[0]
    evidence, lost = [Figure("vendors", 1, "")], items_usd(taken, "lost_revenue", "refunds")
    said = ""
    if taken.forecast is not None and taken.forecast.signals is not None:
        longest = taken.forecast.signals.longest_outage_h.max(axis=(1, 2))
        hours = float(longest.mean())
        gone = float((taken.forecast.signals.retired_month < case.months).any(axis=1).mean())
        evidence += [Figure("longest_outage", hours, "hours"), Figure("p_model_retired", gone, "share")]
        said = f"; its longest outage is {hours:.1f} h in the mean of the futures, and in {percent(gone)} of them a model of it is retired"
    evidence.append(Figure("lost", lost, "usd"))
    others = [each for each in case.facts if len(each.strategy.vendors) > 1 or (each.strategy.vendors and each.strategy.own_gpus)]
    second = min(others, key=total, default=None)
    do = "put a layer before the API and a second vendor behind it, tried out before it is needed"
    if second is not None:
        more = total(second) - total(taken)
        evidence.append(Figure("second_vendor_extra_tco", more, "usd"))
        do += f"; {second.name} costs {usd(abs(more))} {'more' if more >= 0 else 'less'}"
    says = f"{vendor} alone answers, and nothing else does when it is out{said}"
    return [Advice("single_vendor", "warning", taken.name, says, do, tuple(evidence), lost, f"{TEXTBOOK}, multi-vendor strategies")]
