"""How long an API takes to answer: distributions of the time to first token and of the time per further token, and how well they are known.

A distribution is a level (the median, of the model itself where somebody measured it) and a shape (quantiles over the median, of many
deployments where none were measured at this one). docs/api-latency.md says what the shapes of the catalogue were fitted to.
"""

from __future__ import annotations

import itertools
import math
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.catalog.strict import AsOf, Count, Name, NotNegative, Positive, Share, Sigma, Source, Strict
from sim.errors import InputError, nearest

Label = Literal["measured", "fitted", "assumed"]

Z95 = 1.6448536269514722

NORMAL_SCORES = MappingProxyType(
    {
        "p1": -2.3263478740408408,
        "p5": -Z95,
        "p10": -1.2815515655446004,
        "p25": -0.6744897501960817,
        "p75": 0.6744897501960817,
        "p90": 1.2815515655446004,
        "p95": Z95,
        "p99": 2.3263478740408408,
        "p99_9": 3.090232306167813,
    }
)
"""Standard normal quantile of each key of a table of quantiles, rising; the median is not among them, it is the level."""


class Quantiles(Strict):
    """Quantiles of a positive random time beside its median, in seconds or over the median; any that are known, at least one.

    p1 is exceeded by 99 % of requests, p99_9 by 0.1 %.
    """

    p1: Positive | None = None
    p5: Positive | None = None
    p10: Positive | None = None
    p25: Positive | None = None
    p75: Positive | None = None
    p90: Positive | None = None
    p95: Positive | None = None
    p99: Positive | None = None
    p99_9: Positive | None = None

    @model_validator(mode="after")
    def _some(self) -> Quantiles:
        if not self.given():
            raise ValueError(f"give at least one of {', '.join(NORMAL_SCORES)}")
        return self

    def given(self) -> tuple[tuple[str, float], ...]:
        """Keys and values that are given, from the lowest quantile."""
        return tuple((key, value) for key in NORMAL_SCORES if (value := getattr(self, key)) is not None)


class Spread(Strict):
    """A positive random time by its median and one of: sigma of the logarithm (lognormal), p95_s (and p99_s), a table of quantiles.

    Between quantiles, and beyond the outermost, the logarithm of the time is linear in the standard normal quantile: piecewise
    lognormal. One quantile beside the median is a lognormal.
    """

    median_s: Positive
    sigma: Sigma | None = None
    p95_s: Positive | None = None
    p99_s: Positive | None = None
    quantiles_s: Quantiles | None = None
    """Quantiles in seconds, of one's own measurement."""
    over_median: Quantiles | None = None
    """Quantiles as multiples of the median: a shape for any level."""

    @model_validator(mode="after")
    def _one_shape(self) -> Spread:
        shapes = [self.sigma, self.p95_s, self.quantiles_s, self.over_median]
        if sum(shape is not None for shape in shapes) != 1:
            raise ValueError("give one of sigma, p95_s (and p99_s if known), quantiles_s and over_median")
        if self.p99_s is not None and self.p95_s is None:
            raise ValueError("p99_s needs p95_s")
        _, values = self._quantiles()
        if any(later <= earlier for earlier, later in itertools.pairwise(values)):
            raise ValueError("quantiles must rise, through median_s (1 in over_median) between those below and above it")
        return self

    def _quantiles(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Standard normal quantiles and the time (in seconds) at each, the median among them; of a lognormal, the median alone."""
        known = {0.0: self.median_s}
        if self.p95_s is not None:
            known[Z95] = self.p95_s
        if self.p99_s is not None:
            known[NORMAL_SCORES["p99"]] = self.p99_s
        for table, unit_s in ((self.quantiles_s, 1.0), (self.over_median, self.median_s)):
            if table is not None:
                known |= {NORMAL_SCORES[key]: value * unit_s for key, value in table.given()}
        z = tuple(sorted(known))
        return z, tuple(known[each] for each in z)

    def figures(self) -> tuple[tuple[str, float | str], ...]:
        """Keys and values that are given; a table of quantiles in one line: `p5 0.74, p95 1.6`."""
        found: list[tuple[str, float | str]] = []
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Quantiles):
                found.append((key, ", ".join(f"{name} {each:g}" for name, each in value.given())))
            elif value is not None:
                found.append((key, value))
        return tuple(found)

    def points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Standard normal quantiles and the logarithm of the time (in seconds) at each; linear between and beyond.

        Beyond the outermost quantile, and so below a median that is the lowest, the nearest slope goes on.
        """
        if self.sigma is not None:
            at_median = math.log(self.median_s)
            return (0.0, 1.0), (at_median, at_median + self.sigma)
        z, values = self._quantiles()
        return z, tuple(math.log(value) for value in values)

    def mean_s(self) -> float:
        """Mean in seconds, exactly: of a piecewise lognormal, by completing the square in each piece."""
        z, ln_s = self.points()
        edges = [-math.inf, *z[1:-1], math.inf]
        total = 0.0
        for k in range(len(z) - 1):
            slope = (ln_s[k + 1] - ln_s[k]) / (z[k + 1] - z[k])
            level = ln_s[k] - slope * z[k]
            # The integral of exp(level + slope z) against the normal density between two edges.
            inside = _normal_cdf(edges[k + 1] - slope) - _normal_cdf(edges[k] - slope)
            total += math.exp(level + slope * slope / 2) * inside
        return total


class Mode(Strict):
    """Another way the same model is asked, with a time to first token of its own: reasoning before the answer."""

    name: Name
    ttft: Spread


class Evidence(Strict):
    """What figures of latency rest on: how many requests, and by how much the fit missed deployments that it had not seen."""

    keys: Annotated[tuple[str, ...], Field(min_length=1)]
    """Keys of the latency block that this line stands for."""
    label: Label
    """measured: of this host or model; fitted: of others, by a distribution chosen on deployments left out; assumed: by nobody."""
    requests: Count | None = None
    deployments: Count | None = None
    """Provider and model pairs that the requests went to."""
    left_out_ks: Share | None = None
    """Largest distance between the distribution function predicted of a deployment left out and its own, mean over deployments."""
    left_out_p95_error: NotNegative | None = None
    """Error of ln(p95/p50) of a deployment left out, mean of absolute values."""
    p95_sigma: Sigma | None = None
    """Standard deviation of ln(p95/p50) from deployment to deployment: no shape of all is the shape of one."""
    low: NotNegative | None = None
    high: NotNegative | None = None
    """Ends of the figure's 95 % interval."""
    source: str = Field(min_length=3)
    as_of: AsOf


class Latency(Strict):
    """Time to first token and time per further output token of an admitted request, without queueing at the client."""

    ttft: Spread
    tpot: Spread
    ttft_per_prompt_token_s: NotNegative = 0.0
    hour_sigma: Sigma = 0.0
    """Sigma of a lognormal factor common to all requests of an hour."""
    ttft_level_sigma: Sigma | None = None
    """Sigma of the logarithm of ttft.median_s from one published figure to the next. Nothing draws it: a simulation has the median."""
    tpot_level_sigma: Sigma | None = None
    """The same of tpot.median_s."""
    modes: tuple[Mode, ...] = ()
    """Ways of asking that have another time to first token; a stack chooses one by name."""
    evidence: tuple[Evidence, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _modes_differ(self) -> Latency:
        if len({mode.name for mode in self.modes}) < len(self.modes):
            raise ValueError("a mode is given twice")
        return self

    def ttft_in(self, mode: str | None) -> Spread:
        """The time to first token in a mode; None is the usual one. InputError with the nearest name for a mode that is not there."""
        if mode is None:
            return self.ttft
        names = [each.name for each in self.modes]
        if mode not in names:
            allowed = f"allowed: {', '.join(names)}{nearest(mode, names)}" if names else "this model has none"
            raise InputError(f"found {mode[:60]!r}; {allowed}")
        return self.modes[names.index(mode)].ttft

    def source_of(self, key: str) -> tuple[Label, str, str]:
        """(label, source, as_of) of a key of the block: of the line that names it, or names the whole it is part of."""
        for wanted in (key, key.rpartition(".")[0], key.partition(".")[0]):
            for line in self.sources:
                if wanted in line.keys:
                    return ("assumed" if line.assumed else "measured"), line.source, line.as_of
            for entry in self.evidence:
                if wanted in entry.keys:
                    return entry.label, entry.source, entry.as_of
        return "assumed", "no source found", ""


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
