"""Gates on the model: how far it must be made one's own, on which data, and the five conditions of training one."""

from __future__ import annotations

from dataclasses import dataclass

from sim.decision.gate_case import Branch, Case, Change, Step, stacks_of
from sim.decision.needs import Needs
from sim.decision.needs_parts import CUSTOMISATIONS, Customisation
from sim.decision.quality import quality_of
from sim.decision.strategies import Strategy
from sim.stack.schema import Stack
from sim.units import MILLION

_TUNED: frozenset[Customisation] = frozenset({"vendor_fine_tune", "own_fine_tune"})
_WORDS = ("", "prompting", "retrieval", "tuning at a vendor", "tuning of its own", "continued pre-training", "training from scratch")
CONDITIONS = ("unique, large data", "existing models fall short", "people who have pre-trained", "time to develop it", "a market worth it")
"""The five conditions of a model of one's own, all of which must hold."""
_TTFT = ("ttft_p50", "ttft_p95", "ttft_p99", "e2e_p50", "e2e_p95", "e2e_p99")
"""Requirements that the first token alone may break."""


def reaches(strategy: Strategy) -> Customisation:
    """How far a strategy makes the model one's own; one that goes over to another, the farther of both."""
    own: tuple[Customisation, ...] = ()
    if strategy.kind in CUSTOMISATIONS:
        own = (strategy.kind,)
    return max((*own, *(_of_stack(stack) for stack in stacks_of(strategy))), key=CUSTOMISATIONS.index)


def customisation(case: Case) -> Step:
    """Customisation: a strategy must make the model one's own at least as far as makes it good enough."""
    needed = case.needs.customisation
    level = CUSTOMISATIONS.index(needed)
    out, changes = {}, {}
    for strategy in case.strategies:
        found = reaches(strategy)
        at = CUSTOMISATIONS.index(found)
        if at < level:
            out[strategy.name] = f"it does {_WORDS[at]} alone; {_WORDS[level]} is needed"
            changes[strategy.name] = (
                Change(("customisation",), needed, found, at - level, f"make do with {_WORDS[at]} (customisation: {found})"),
            )
    branches = (
        Branch("a general model, well prompted, is good enough", "go on with all: an API will do"),
        Branch("with retrieval it is", "go on with what retrieves or is tuned"),
        Branch("tuned by its vendor it is", "go on with what is tuned, at a vendor or at home"),
        Branch("only tuned by us it is", "go on with own machines and what is trained on them"),
        Branch("only trained further on our texts it is", "go on with own training"),
        Branch("only one of our own is", "go on with training from scratch"),
    )
    why = "no customisation is asked for" if needed == "none" else f"customisation: {needed}"
    return Step("customisation", "What makes a model good enough?", branches, max(0, level - 1), why, out, changes)


def tuning_data(case: Case) -> Step | None:
    """Data to tune on: fewer examples than make a model better rule tuning out. Not asked where nothing is tuned."""
    tuned = [each for each in case.strategies if reaches(each) in _TUNED]
    if not tuned:
        return None
    have, fewest = case.needs.data_available.examples, case.rules.fewest_examples
    branches = (
        Branch("enough", "go on with all"),
        Branch("too few", "go on with what is not tuned"),
        Branch("not known", "go on with all, and count them"),
    )
    out, changes = {}, {}
    if have is not None and have < fewest:
        for strategy in tuned:
            out[strategy.name] = f"{have:,} examples; on fewer than {fewest:,.0f} tuning makes a model worse"
            says = f"{fewest - have:,.0f} more examples (data_available.examples: {fewest:.0f})"
            changes[strategy.name] = (Change(("data_available", "examples"), have, int(fewest), fewest - have, says),)
    taken = 2 if have is None else int(have < fewest)
    why = "data_available.examples is left out" if have is None else f"{have:,} examples"
    return Step("data to tune on", "Are there examples enough to tune on?", branches, taken, why, out, changes)


def own_model(case: Case) -> Step | None:
    """A model of one's own: only where all five conditions are shown to hold. Not asked where nobody would train one."""
    trained = [each for each in case.strategies if each.trained]
    if not trained:
        return None
    out, changes = {}, {}
    held = len(CONDITIONS)
    for strategy in trained:
        failing = [each for each in five_conditions(case.needs, strategy, case) if not each.holds]
        held = min(held, len(CONDITIONS) - len(failing))
        if failing:
            out[strategy.name] = "; ".join(each.why for each in failing)
            changes[strategy.name] = tuple(change for each in failing for change in each.changes)
    branches = (
        Branch("all five conditions hold", "go on with all"),
        Branch("not all five are shown to hold", "go on without training: tune instead"),
    )
    why = f"{held} of {len(CONDITIONS)} hold"
    return Step("a model of one's own", "Is a model of one's own justified?", branches, int(bool(out)), why, out, changes)


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the five conditions of training a model of one's own."""

    name: str
    holds: bool
    """What is not known does not hold."""
    why: str
    changes: tuple[Change, ...]
    """What it lacks; nothing for one that holds."""


def five_conditions(needs: Needs, strategy: Strategy, case: Case) -> tuple[Condition, ...]:
    """The five conditions, in the order of CONDITIONS."""
    rules, limit = case.rules, needs.time_to_market_months
    whys: list[tuple[str, tuple[Change, ...]]] = [_data(needs, rules.enough_tokens.get(strategy.kind, 0.0))]
    falls_short = existing_models_underperform(needs, case.strategies)
    whys.append(_shown("existing_models_underperform", falls_short, "existing models fall short although they are tuned"))
    if needs.team.pretraining_experience or needs.team.can_hire:
        whys.append(("the team has pre-trained, or can be hired", ()))
    else:
        hire = Change(("team", "can_hire"), False, True, None, "hire people who have pre-trained a model (team.can_hire: true)")
        whys.append(("nobody there has pre-trained a model, and nobody can be hired", (hire,)))
    if limit is None or limit >= rules.months_to_train:
        whys.append(("there is time to develop it", ()))
    else:
        least, more = rules.months_to_train, rules.months_to_train - limit
        wait = Change(("time_to_market_months",), limit, least, more, f"{more:g} more months (time_to_market_months: {least:g})")
        whys.append((f"{limit:g} months until it must serve; training takes {least:g} at least", (wait,)))
    whys.append(_shown("market_justifies_custom_model", needs.market_justifies_custom_model, "the market is worth a model of one's own"))
    return tuple(Condition(name, not changes, why, changes) for name, (why, changes) in zip(CONDITIONS, whys, strict=True))


def _data(needs: Needs, enough: float) -> tuple[str, tuple[Change, ...]]:
    """Whether the data is unique and large, and what it lacks."""
    data, whys, changes = needs.data_available, [], []
    if not data.unique:
        whys.append("the data is not unique" if data.unique is False else "nobody says that the data is unique")
        says = "data that nobody else has (data_available.unique: true)"
        changes.append(Change(("data_available", "unique"), data.unique, True, None, says))
    if data.tokens is None or data.tokens < enough:
        have = "nobody says how much data there is" if data.tokens is None else f"{data.tokens / MILLION:,.4g} million tokens of data"
        whys.append(f"{have}, {enough / MILLION:,.0f} million are needed")
        more = enough - (data.tokens or 0)
        says = f"{more / MILLION:,.0f} million more tokens of data (data_available.tokens: {enough / MILLION:.0f}M)"
        changes.append(Change(("data_available", "tokens"), data.tokens, int(enough), more, says))
    return "; ".join(whys) or "the data is unique and large", tuple(changes)


def existing_models_underperform(needs: Needs, strategies: tuple[Strategy, ...]) -> bool | None:
    """As the needs say it, else by quality: whether every score is below the target with its whole interval, that of a tuned model too.

    False where any is not; None where it is not known.
    """
    if needs.existing_models_underperform is not None:
        return needs.existing_models_underperform
    if needs.accuracy is None or not needs.quality:
        return None
    target = needs.accuracy.target
    found = [quality_of(each) for each in needs.quality.values()]
    if any(each.score >= target for each in found):
        return False
    tuned = {each.name for each in strategies if reaches(each) in _TUNED}
    sure = all(each.high is not None and each.high < target for each in found)
    return True if sure and tuned & needs.quality.keys() else None


def latency_and_volume(case: Case) -> Step:
    """Volume and latency: a first token sooner than any API's is for own machines. Volume rules nothing out: it is simulated."""
    needs, rules = case.needs, case.rules
    fast = {key: value for key in _TTFT if (value := getattr(needs.latency, key)) is not None and value < rules.api_ttft_s}
    out, changes = {}, {}
    if fast:
        key = min(fast, key=lambda each: fast[each])
        said = f"{key} within {1000 * fast[key]:.4g} ms"
        for strategy in case.strategies:
            if strategy.served and not strategy.own_gpus:
                out[strategy.name] = f"{said}; an API's first token takes {1000 * rules.api_ttft_s:.4g} ms or more"
                changes[strategy.name] = tuple(
                    Change(("latency", each), limit, rules.api_ttft_s, rules.api_ttft_s - limit,
                           f"{1000 * (rules.api_ttft_s - limit):.4g} ms more (latency.{each}: {1000 * rules.api_ttft_s:.4g}ms)")
                    for each, limit in fast.items()
                )  # fmt: skip
    branches = (
        Branch("an API may do; what it costs is simulated", "go on with all"),
        Branch("high volume: own machines may be cheaper", "go on with all; the simulation says whether they are"),
        Branch("only own machines are fast enough", "go on with own machines"),
    )
    tokens = needs.volume.tokens_per_month or case.trace_tokens_per_month
    high = tokens is not None and tokens >= rules.high_volume_tokens_per_month
    volume = "volume as in the trace" if tokens is None else f"{tokens / MILLION:,.4g} million tokens a month"
    why = f"{said}; {volume}" if fast else volume
    taken = 2 if fast else int(high)
    return Step("volume and latency", "Can an API carry it, and answer in time?", branches, taken, why, out, changes)


def _of_stack(stack: Stack) -> Customisation:
    tuned = {each.deployment for each in stack.retraining}
    if any(each.kind == "gpu" and name in tuned for name, each in stack.deployments.items()):
        return "own_fine_tune"
    return "vendor_fine_tune" if tuned else "prompting"


def _shown(key: str, value: bool | None, holds: str) -> tuple[str, tuple[Change, ...]]:  # noqa: FBT001
    if value:
        return holds, ()
    why = f"not so: {holds}" if value is False else f"nobody says that {holds}"
    return why, (Change((key,), value, True, None, f"show that {holds} ({key}: true)"),)
