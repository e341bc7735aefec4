"""A run in the text format of OpenMetrics 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/

It is kept within what the text format of Prometheus (0.0.4) has, too, which the textfile collector of the node exporter reads: gauges only,
and no quotes in help texts, which the two escape differently. `# UNIT` and `# EOF` are comments there.

Every figure of the long table is a gauge `sim_<of what>_<metric>_<unit>`: p50 and its like have the label `quantile`, other statistics
stand in the name. Seconds and ratios are spelled as OpenMetrics wants its base units. What a token costs is there once more under the
names that OpenCost 1.121 gives it, which docs/export.md holds against ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sim.errors import visible
from sim.report.export_columns import words
from sim.report.export_figures import KEYS, Figure, figures
from sim.report.export_opencost import opencost
from sim.report.export_reading import whole
from sim.report.export_source import RunFolder
from sim.units import tidy

Labels = tuple[tuple[str, str], ...]
_UNITS = (
    ("_per_s", "_per_second", ""), ("_s", "_seconds", "seconds"), ("_share", "_ratio", "ratio"), ("load", "load_ratio", "ratio"),
    ("_usd", "_usd", "usd"), ("_kwh", "_kwh", "kwh"), ("_tokens", "_tokens", "tokens"), ("_requests", "_requests", "requests"),
    ("_attempts", "_attempts", "attempts"), ("_hours", "_hours", "hours"), ("_sequences", "_sequences", "sequences"),
)  # fmt: skip
"""End of a metric's name, what stands for it in OpenMetrics, and the UNIT that this is."""
_QUOTE, _APOSTROPHE = '"', "'"
_QUANTILE = re.compile(r"p(\d{1,2})")
_PER_TOKENS = re.compile(r"_per_million_tokens$|_per_1000_requests$")
_WHAT = MappingProxyType(
    {
        "replay": "Replay",
        "month": "A month",
        "horizon": "All months",
        "pair": "Two stacks",
        "pair_month": "Two stacks in a month",
        "sweep": "A point of a sweep",
        "candidate": "A candidate of a plan",
        "calendar": "A month of a plan",
        "elastic": "An autoscaler",
    }
)


@dataclass(frozen=True)
class Family:
    """One metric family, a gauge: its name, unit (empty: none), help, and its samples by labels."""

    name: str
    unit: str
    words: str
    samples: Mapping[Labels, float]


def openmetrics(run: RunFolder) -> str:
    """The whole exposition, ending with `# EOF`; the same run gives the same bytes."""
    families = [_info(run)]
    for stack in run.stacks:
        with whole(run.folder, stack.name):
            families += opencost(stack)
    families += _families(figures(run))
    return "".join(_text(family) for family in _merged(families)) + "# EOF\n"


def _info(run: RunFolder) -> Family:
    from_record = (("version", run.record.get("version")), ("seed", run.record.get("seed")), ("price_date", run.record.get("price_date")))
    labels = (("trace", run.trace), *((name, str(value)) for name, value in from_record if value is not None))
    return Family("sim_run_info", "", "What was run", {labels: 1.0})


def _families(found: Iterable[Figure]) -> Iterator[Family]:
    for each in found:
        if each.value is not None:
            quantile = _QUANTILE.fullmatch(each.statistic)
            keys = zip(KEYS, each.keys, strict=True)
            labels = tuple((name, value) for name, value in keys if value and not (name == "month" and each.prefix == "horizon"))
            if quantile:
                labels = (*labels, ("quantile", f"{int(quantile[1]) / 100:g}"))
            statistic = "" if quantile or each.statistic == "value" else each.statistic
            name, unit = family_name(each.prefix, each.metric, statistic)
            of = "; quantiles" if quantile else f"; {words(statistic)}" if statistic else ""
            said = f"{_WHAT[each.prefix]}: {each.meaning}{of}{f' [{each.unit}]' if each.unit else ''}"
            yield Family(name, unit, said, {labels: each.value})


def family_name(prefix: str, metric: str, statistic: str) -> tuple[str, str]:
    """The name of a family and its UNIT, empty where the specification knows none that could end the name."""
    stem, ending, unit = metric, "", ""
    if not _PER_TOKENS.search(metric):
        for end, spelled, of in _UNITS:
            if metric.endswith(end):
                stem, ending, unit = metric[: len(metric) - len(end)], spelled, of
                break
    if ending == "load_ratio":
        stem, ending = f"{stem}load", "_ratio"
    return f"sim_{prefix}_{stem}{f'_{statistic}' if statistic else ''}{ending}".replace("__", "_"), unit


def _merged(families: Iterable[Family]) -> list[Family]:
    """Samples of one family together, as the format demands; of figures that stand in two tables the first stays."""
    first: dict[str, Family] = {}
    samples: dict[str, dict[Labels, float]] = {}
    for each in families:
        first.setdefault(each.name, each)
        of = samples.setdefault(each.name, {})
        for labels, value in each.samples.items():
            of.setdefault(labels, value)
    return [replace(each, samples=samples[name]) for name, each in first.items() if samples[name]]


def _text(family: Family) -> str:
    lines = [f"# TYPE {family.name} gauge"]
    if family.unit:
        lines.append(f"# UNIT {family.name} {family.unit}")
    lines.append(f"# HELP {family.name} {escaped(family.words.replace(_QUOTE, _APOSTROPHE))}")
    lines += [f"{family.name}{_labels(labels)} {number(value)}" for labels, value in family.samples.items()]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels) + "}" if labels else ""


def escaped(text: str) -> str:
    """A label value or help text: backslash, quote and line feed are escaped; what else does not print is spelled out, as it could steer
    a terminal, or end a line elsewhere."""
    plain = "\n".join(visible(line) for line in text.split("\n"))
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """A value as the format writes it: all its digits but what floats leave behind, `1` for a whole number, NaN and +Inf by name."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(tidy(value))
