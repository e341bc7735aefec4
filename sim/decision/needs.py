"""What is needed, as a needs file says it, and reading one. Field descriptions are the manual (docs/decide.md)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Strict
from sim.catalog.yaml_file import Document, KeyPath, problem, read_document, validate
from sim.decision.lock_in_given import LeavingGiven
from sim.decision.needs_parts import (
    CRITERIA,
    MOST_MONTHS,
    Accuracy,
    Agreed,
    Criterion,
    Customisation,
    Data,
    DataAvailable,
    Evaluation,
    Latency,
    Measure,
    Plan,
    Routing,
    Team,
    Terms,
    TriggerSetting,
    Volume,
)
from sim.errors import InputError, input_error, nearest
from sim.stack.quantity import DeploymentName, Number, PositiveWhole, Share, Usd

Level = Annotated[float, Field(ge=1, le=5)]
_WHOLE = (1.0, 100.0)
"""What weights may add up to: one, or 100 %."""
_TOLERANCE = 1e-6


class Needs(Strict):
    """What a system must do and what there is to build it with. A key that is left out is no requirement, or not known."""

    description: str = Field(default="", max_length=2000, description="the use case in a sentence, for people")
    months: PositiveWhole = Field(default=12, le=MOST_MONTHS, description="months that the decision is about")
    accuracy: Accuracy | None = Field(default=None, description="how good answers must be")
    latency: Latency = Field(default=Latency(), description="how fast they must be")
    throughput_per_s: Number | None = Field(default=None, description="requests a second that it must carry")
    completed: Share | None = Field(default=None, description="share of requests that must complete")
    usd_per_1000_requests: Usd | None = Field(default=None, description="what suppliers may charge for 1,000 requests")
    budget_usd: Usd | None = Field(default=None, description="what everything may cost over all months, people included")
    volume: Volume = Field(default=Volume(), description="how much is asked, and how that grows")
    data: Data = Field(default=Data(), description="what the requests hold, and where it may go")
    terms: dict[str, Terms] = Field(
        default_factory=dict, max_length=64, description="what each vendor offers us, by vendor: baa, soc2, dpa"
    )
    customisation: Customisation = Field(default="none", description="the least that makes a general model good enough")
    existing_models_underperform: bool | None = Field(
        default=None, description="whether existing models fall short although they are tuned; absent: told by `quality`, or not known"
    )
    team: Team = Field(default=Team(), description="who is there")
    time_to_market_months: Number | None = Field(default=None, le=MOST_MONTHS, description="months until it must be in production")
    data_available: DataAvailable = Field(default=DataAvailable(), description="data to tune or train on")
    differentiation: Literal["none", "some", "core"] = Field(default="some", description="how far the model sets the product apart")
    stage: Literal["prototype", "growth", "scale"] = Field(default="growth", description="where the product is")
    core: bool = Field(default=False, description="whether AI is the product, not a feature of it")
    market_justifies_custom_model: bool | None = Field(
        default=None, description="whether the market is worth a model of one's own; absent: not known"
    )
    quality: dict[str, Evaluation] = Field(
        default_factory=dict, max_length=256, description="scores by model (catalogue name) or by strategy, which goes first; never guessed"
    )
    weights: dict[Criterion, Number] = Field(
        default_factory=dict, description=f"importance of the criteria {', '.join(CRITERIA)}, together 1 or 100; absent: all the same"
    )
    scores: dict[Criterion, dict[str, Level]] = Field(
        default_factory=dict, description="our own scores from 1 to 5 by criterion and strategy, in place of those derived"
    )
    performance_weights: dict[Measure, Number] = Field(
        default_factory=dict, description="importance of latency, cost, accuracy and throughput in the ranking by performance"
    )
    strategies: dict[DeploymentName, Plan] = Field(
        default_factory=dict, max_length=12, description="what there is to choose from: a stack by name or file; absent: the bundled ones"
    )
    triggers: dict[str, TriggerSetting] = Field(default_factory=dict, max_length=64, description="switch signals otherwise than by default")
    routing: Routing = Field(default=Routing(), description="models between which traffic could be divided")
    leaving: dict[str, LeavingGiven] = Field(
        default_factory=dict, max_length=64, description="what it takes to leave a vendor, by vendor; what is left out is assumed"
    )
    agreed: Agreed = Field(default=Agreed(), description="what is settled already")
    review_months: PositiveWhole = Field(default=6, le=MOST_MONTHS, description="months after which the decision is looked at again anyway")


@dataclass(frozen=True)
class NeedsFile:
    """Needs as read: their name, the checked schema, and the document that knows where each value was said."""

    name: str
    needs: Needs
    document: Document
    folder: Path = Path()
    """Where it lies: files that it names are looked for there."""

    def found(self, name: str) -> str:
        """A file that the needs name, in their own folder where it lies there, else as it is named."""
        own = self.folder / name
        return str(own) if not Path(name).is_absolute() and own.is_file() else name

    def problem(self, path: KeyPath, message: str, *, key: bool = False) -> str:
        """One line about a value (or key) of the file, with its place."""
        return problem(self.document, path, message, key=key)


def find_needs(name: str, catalog: Catalog) -> tuple[Path, str]:
    """The file of needs and how messages call it: a path as given, or needs of the catalogue by name.

    InputError with the nearest name when there is neither.
    """
    path = Path(os.path.expanduser(name))  # noqa: PTH111  (Path.expanduser raises where there is no such user)
    looks_like_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    if looks_like_path and path.is_file():
        return path, name
    known = catalog.names("need")
    if path.parts[:2] == ("models", "needs") and path.stem in known and len(path.parts) == 3:
        return catalog.path("need", path.stem), name
    if looks_like_path:
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{name}: no such file{nearest(path.name, siblings)}")
    if name in known:
        return catalog.path("need", name), catalog.shown_path("need", name)
    raise InputError(f"no needs {name!r}; allowed: {', '.join([*known, 'a file'])}{nearest(name, known)}")


def read_needs(name: str, catalog: Catalog) -> NeedsFile:
    """Needs by name or path; InputError with every problem and its place."""
    path, shown = find_needs(name, catalog)
    return needs_of(read_document(path, shown), Path(name).stem, catalog, path.parent)


def needs_of(document: Document, name: str, catalog: Catalog, folder: Path = Path()) -> NeedsFile:
    """A document as needs; InputError with every problem: what a schema says, names that nothing has, weights that do not add up."""
    file = NeedsFile(name, validate(document, Needs), document, folder)
    needs = file.needs
    problems = [*_weights(file), *_names(file, catalog)]
    if needs.strategies:
        known = tuple(needs.strategies)
        for criterion, by_strategy in needs.scores.items():
            problems += [
                file.problem(
                    ("scores", criterion, each), f"unknown strategy {each!r}; allowed: {', '.join(known)}{nearest(each, known)}", key=True
                )
                for each in by_strategy
                if each not in known
            ]
    if problems:
        raise input_error(problems)
    return file


def _weights(file: NeedsFile) -> list[str]:
    """Weights that add up to neither 1 nor 100."""
    weights = file.needs.weights
    total = sum(weights.values())
    if not weights or any(abs(total - whole) <= _TOLERANCE * whole for whole in _WHOLE):
        return []
    said = " + ".join(f"{each:g}" for each in weights.values())
    return [file.problem(("weights",), f"found {said} = {total:g}; weights must add up to 1, or to 100")]


def _names(file: NeedsFile, catalog: Catalog) -> list[str]:
    """Models, vendors and places that nothing has."""
    needs = file.needs
    models = {*catalog.names("api"), *catalog.names("llm")}
    problems = _unknown(file, ("quality",), needs.quality, "model or strategy", {*models, *needs.strategies, *_bundled(needs, catalog)})
    if needs.terms or needs.leaving:
        vendors = {catalog.api(each).vendor for each in catalog.names("api")}
        problems += _unknown(file, ("terms",), needs.terms, "vendor", vendors)
        problems += _unknown(file, ("leaving",), needs.leaving, "vendor", vendors)
    apis = catalog.names("api")
    for key in ("dearer", "cheaper", "challenger"):
        named = getattr(needs.routing, key)
        if named is not None and named not in apis:
            problems.append(file.problem(("routing", key), f"unknown API model {named!r}{nearest(named, apis)} (sim catalog list api)"))
    return problems


def _bundled(needs: Needs, catalog: Catalog) -> list[str]:
    """Names that strategies have where the file names none."""
    return [] if needs.strategies else [*catalog.names("stack"), "continued-pretraining", "from-scratch"]


def _unknown(file: NeedsFile, at: KeyPath, given: Mapping[str, Any], what: str, known: Iterable[str]) -> list[str]:
    allowed = sorted(known)
    few = f"; allowed: {', '.join(allowed)}" if len(allowed) <= 24 else ""
    return [
        file.problem((*at, each), f"unknown {what} {each!r}{few}{nearest(each, allowed)}", key=True)
        for each in given
        if each not in allowed
    ]
