"""`sim report`: the HTML report of finished runs, made again from their files."""

from __future__ import annotations

import click


@click.command(name="report")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.pass_context
def command(ctx: click.Context, runs: tuple[str, ...]) -> None:
    """Make report.html of each RUN again: a folder, its name under outputs/, or `latest`.

    Nothing is simulated: the report is made from the files of the run.
    """
    from sim.errors import InputError, input_error
    from sim.report.export_source import read_run
    from sim.report.html.build import FILE, report_html
    from sim.report.one_file import write_file

    made, problems = [], []
    for name in dict.fromkeys(runs):
        try:
            run = read_run(name)
            made.append((run.folder / FILE, report_html(run)))
        except InputError as error:
            problems.append(str(error))
    for path, text in made:
        write_file(path, text, force=True)
        click.echo(str(path))
    if problems:
        raise input_error(problems)
