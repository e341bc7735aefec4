"""`sim calibrate`: a user's own benchmark files as calibrated profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sim.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.calibration.points import Benchmark, Given
    from sim.catalog.catalog import Catalog
    from sim.cli.progress import Progress
    from sim.report.calibration_report import CalibrationReport

Found = TypeVar("Found")
_MOST_FILES = 1000


@click.command(name="calibrate")
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--output", "given_path", metavar="FILE", help="Write the profiles here: models/profiles/NAME.yaml.")
@click.option("--force", is_flag=True, help="Replace the files given with -o and --report if they exist.")
@click.option("--llm", help="The LLM, where the files do not say: a catalogue name, or that of another tool.")
@click.option("--gpu", help="The GPU, where they do not.")
@click.option("--tensor-parallel", type=click.IntRange(1, 1024), help="GPUs of one replica, where they do not.")
@click.option("--precision", help="Of the weights, where they do not: bf16, fp8, int8, int4, ...")
@click.option("--kv-precision", type=click.Choice(["auto", "bf16", "fp8"]), help="Of the KV cache, where they do not.")
@click.option("--engine", help="vllm, sglang or trtllm, where they do not.")
@click.option("--engine-era", metavar="YEAR", help="Its generation (of vllm without --engine), where they do not.  [default: the newest]")
@click.option(
    "--gpu-memory-utilization", "utilisation", type=click.FloatRange(0, 1, min_open=True), help="Share of memory, where they do not."
)
@click.option("--max-num-seqs", type=click.IntRange(1), help="Sequences of a step, where they do not.")
@click.option("--max-num-batched-tokens", type=click.IntRange(1), help="Tokens of a step, where they do not.")
@click.option(
    "--free",
    metavar="PARTS",
    help="Move these parts only: c,g_small,g_large,g_long,launch,o,f,h,front_end.  [default: those the data tell of]",
)
@click.option("--report", "page_path", metavar="FILE", help="Write a page with charts of predicted against measured here: NAME.html.")
@click.option(
    "--as-of", "as_of", metavar="DATE", help="When it was measured, for the profile: 2026-11-21, 2026-11 or 2026.  [default: undated]"
)
@options.seed
@options.models
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[str, ...],
    given_path: str | None,
    force: bool,
    llm: str | None,
    gpu: str | None,
    tensor_parallel: int | None,
    precision: str | None,
    kv_precision: str | None,
    engine: str | None,
    engine_era: str | None,
    utilisation: float | None,
    max_num_seqs: int | None,
    max_num_batched_tokens: int | None,
    free: str | None,
    page_path: str | None,
    as_of: str | None,
    seed: int,
    folder: Path | None,
    form: str,
) -> None:
    """Make profiles of your own servers from benchmark FILES, by simulating the benchmark.

    Reads vllm bench serve (summary and detailed JSON), GuideLLM, AIPerf, InferenceX, and plain CSV:
    serving points (prompt_tokens, output_tokens, concurrency or request_rate, ttft_ms, tpot_ms, ...)
    or steps. Shows predicted against measured before and after, and what to measure next.
    """
    from sim.calibration.calibrate import calibrate_all
    from sim.calibration.identify import parts_named
    from sim.catalog.catalog import Catalog
    from sim.cli.progress import Progress, say
    from sim.errors import InputError
    from sim.report.calibration_file import check_only_ones, check_target, profile_yaml, write_profiles
    from sim.report.calibration_report import CalibrationReport

    if len(files) > _MOST_FILES:
        raise InputError(f"{len(files)} files; allowed: at most {_MOST_FILES} at once")
    target = None if given_path is None else Path(given_path)
    if target is not None:
        check_target(target, force=force)
    page = _page(page_path, force=force)
    day = _as_of(as_of)
    wanted = None if free is None else parts_named(free)
    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    catalog = Catalog.load(*([folder] if folder else []))
    given = _given(
        catalog, llm=llm, gpu=gpu, tensor_parallel=tensor_parallel, precision=precision, kv_precision=kv_precision, engine=engine,
        engine_era=engine_era,
        options={"utilisation": utilisation, "max_num_seqs": max_num_seqs, "max_num_batched_tokens": max_num_batched_tokens},
    )  # fmt: skip
    with Progress(quiet=quiet) as progress:
        benchmark = _read(files, given, catalog, progress)
        if benchmark.serving:
            progress.announce_compilation()
        found = calibrate_all(benchmark, catalog=catalog, wanted=wanted, seed=seed, progress=_says(progress))
    report = CalibrationReport(tuple(Path(name).name for name in files), found, seed)
    if target is not None:
        check_only_ones(target, found.found, catalog)
        text = profile_yaml(found.found, source=f"sim calibrate, {', '.join(dict.fromkeys(report.names))}", as_of=day)
        write_profiles(target, text, force=force)
    if page is not None:
        _draw(page, report, force=force)
    _print(report, form)
    if not quiet:
        if page is not None:
            say("note", f"the report is {page}")
        for each in found.skipped:
            say("note", f"no profile of {each.name}: {each.why}")
        if target is not None:
            say("note", _where(target, catalog))
            if any(each.prior.kv_precision == "fp8" for each in found.found):
                say("note", "a stack takes a profile of an fp8 KV cache where its deployment says kv_precision: fp8")
        else:
            say("note", "nothing was written: -o models/profiles/NAME.yaml keeps the profiles, and sim run takes them from there")


def _page(given: str | None, *, force: bool) -> Path | None:
    """The file of the report; InputError before anything is simulated where it cannot be written."""
    from sim.errors import InputError
    from sim.report.one_file import check_place

    if given is None:
        return None
    path = Path(given)
    if path.suffix != ".html":
        raise InputError(f"--report: found {given!r}; allowed: a file that ends in .html")
    check_place(path, force=force)
    return path


def _draw(path: Path, report: CalibrationReport, *, force: bool) -> None:
    from sim.report.html.calibration_page import calibration_page
    from sim.report.one_file import write_file
    from sim.report.run_record import own_version

    write_file(path, calibration_page(report, version=own_version()), force=force)


def _says(progress: Progress) -> Callable[[str, int], None]:
    return lambda name, runs: progress.says(f"calibrating {name}: run {runs}")


def _as_of(text: str | None) -> str:
    """The date of a profile; InputError for what is none."""
    import re

    from sim.errors import InputError

    if text is None:
        return "undated"
    if not re.fullmatch(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?", text):
        raise InputError(f"--as-of: found {text[:40]!r}; allowed: a day (2026-11-21), a month or a year")
    return text


def _given(
    catalog: Catalog,
    *,
    llm: str | None,
    gpu: str | None,
    tensor_parallel: int | None,
    precision: str | None,
    kv_precision: str | None,
    engine: str | None,
    engine_era: str | None,
    options: dict[str, int | float | None],
) -> Given:
    """What the options say of the servers; InputError with every name that is not known."""
    from typing import cast

    from sim.calibration.points import Given
    from sim.catalog import known_as
    from sim.catalog.llm import KvPrecision
    from sim.errors import InputError
    from sim.profile.coefficients import load_coefficients
    from sim.profile.resolve import DEFAULT_ENGINE

    problems: list[str] = []

    def known(option: str, text: str | None, find: Callable[[str], Found]) -> Found | None:
        try:
            return None if text is None else find(text)
        except InputError as error:
            problems.append(f"--{option}: {error}")
            return None

    coefficients = load_coefficients(catalog)
    engines = list(dict.fromkeys(each.name for each in coefficients.engines))
    named = known("engine", engine, lambda text: known_as.find_engine(engines, text))
    name, era = named if named is not None else (None, None)
    era = engine_era or era
    if era is not None:
        name = name or DEFAULT_ENGINE
        known("engine-era", era, lambda text: coefficients.engine(name, text))
    given = Given(
        llm=known("llm", llm, lambda text: known_as.find_llm(catalog, text)),
        gpu=known("gpu", gpu, lambda text: known_as.find_gpu(catalog, text)),
        tensor_parallel=tensor_parallel,
        precision=known("precision", precision, known_as.find_precision),
        kv_precision=cast("KvPrecision | None", kv_precision),
        engine=name,
        engine_era=era,
        options={key: value for key, value in options.items() if value is not None},
    )
    if problems:
        raise InputError("\n".join(problems))
    return given


def _read(files: tuple[str, ...], given: Given, catalog: Catalog, progress: Progress) -> Benchmark:
    """All files as one benchmark; InputError with the problems of every file."""
    from sim.calibration.formats import read_benchmarks

    progress.says(f"reading {len(files)} files" if len(files) > 1 else f"reading {Path(files[0]).name}")
    return read_benchmarks([Path(name) for name in files], given, catalog)


def _where(target: Path, catalog: Catalog) -> str:
    """How a written file is used from here."""
    folders = [(folder / "profiles").resolve() for folder in catalog.folders[:-1]]
    if (
        target.absolute().parent.resolve() in folders
        or target.absolute().parent.resolve() == (Path.cwd() / "models" / "profiles").resolve()
    ):
        return f"the profiles are in {target}: sim run takes them for stacks of these configurations"
    return f"the profiles are in {target}; sim run takes them from models/profiles/ of this folder, or from DIR/profiles/ with --models DIR"


def _print(report: CalibrationReport, form: str) -> None:
    from sim.cli.progress import printed
    from sim.report.calibration_report import calibration_markdown, calibration_text
    from sim.report.calibration_summary import calibration_json

    printed({"table": calibration_text, "json": calibration_json, "md": calibration_markdown}[form](report))
