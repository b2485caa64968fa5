"""The parts of one run's report, each empty where the run has nothing to say of it."""

import time
from collections.abc import Iterator, Sequence
from html import escape

from core.charts.ends import ends
from core.charts.quality import QUALITIES, is_regression, qualities
from core.charts.runs import Line, state_line, story, title
from core.charts.tradeoff import tradeoff_rows, tradeoff_spec
from core.charts.training import training_rows, training_spec
from core.charts.words import UNKNOWN, duration, plan_line
from core.jobs.job import JobState
from core.reporting import _elsewhere, _facts, _layers, _told
from core.reporting._drawing import figure, variable
from core.reporting._subject import Subject

_MODE = "light"  # of the drawings; their colours are variables that follow the reader's mode
_CURVE = (400, 210)


def heading(subject: Subject, line: Line, level: int) -> str:
    """What was done to what, and when."""
    run = subject.run
    when = run.ended or run.started or run.created
    told = [subject.model, subject.framework, subject.data, _date(when), state_line(run) if run.ended else ""]
    if run.state is not JobState.DONE:
        told[-1] = str(run.state)
    place = f"folder {subject.place}" if subject.place else ""
    facts = "".join(f"<span>{escape(one)}</span>" for one in (*told, place) if one)
    swatch = f'<i class="swatch" style="background:{variable(line.colour)}"></i>' if level > 1 else ""
    name = title(run, line.achieved)
    tag = f"h{level}"
    said = story(run).replace("*", "")
    return (
        f"<header><{tag}>{swatch}{escape(_capital(name))}</{tag}>"
        f'<p class="facts">{facts}</p><p class="plan">{escape(_sentence(plan_line(run.plan, line.achieved)))}</p>'
        f"{f'<p class=story>{escape(said)}</p>' if said else ''}</header>"
    )


def body(subject: Subject, line: Line, *, alone: bool, curves: bool = True) -> Iterator[str]:
    """Everything below the heading.

    Args:
        subject: The run.
        line: Its measured states.
        alone: It has a page of its own, with its way from dense to pruned; else what is long is folded.
        curves: Whether its training is drawn: a quarter of a second each.
    """
    both, long = ends(line), section if alone else folded
    if both is not None:
        yield _facts.tiles(*both, subject.stages)
    yield section("What was done", _told.what_was_done(subject, line.achieved))
    yield section("What shrank", _shrank(line, alone=alone))
    yield section("Compression, step by step", _elsewhere.waterfall(subject))
    yield section("How it learned", _curves(subject, line) if curves else "")
    yield long("Layer by layer", _layers.table(subject))
    yield long("Weights before and after", _weights(subject))
    yield section("Taken elsewhere", _elsewhere.exported(subject))
    yield long("Made with", _environment(subject))
    yield long("The recipe", _recipe(subject))


def section(heading: str, content: str) -> str:
    """A headed part; "" without content."""
    return f"<section><h3>{escape(heading)}</h3>{content}</section>" if content else ""


def folded(heading: str, content: str) -> str:
    """The same behind its heading, for a page with many of them: opened by a click, without a script."""
    return f"<details><summary><h3>{escape(heading)}</h3></summary>{content}</details>" if content else ""


def tradeoff(lines: Sequence[Line], *, chosen: str | None, width: int, height: int, dense: bool = True) -> str:
    """Quality against the parameters left, every run a line from dense to pruned; ``dense`` draws where all began."""
    regression = is_regression(*(point.measurement for line in lines for point in line.points))
    measure = qualities(regression)[0]
    rows = tradeoff_rows(lines, "parameters", near=False, with_front=len(lines) > 1, chosen=chosen, measure=measure)
    rows = [row for row in rows if dense or row["kind"] != "dense"]
    words = f"{QUALITIES[measure].title} on validation against parameters left, from dense to pruned"
    spec = tradeoff_spec("parameters", True, _MODE, measure)
    return figure(rows, spec, width=width, height=height, words=words, caption=_sentence(words))


def _shrank(line: Line, *, alone: bool) -> str:
    """Sizes and costs; beside them the way from dense to pruned, where no other chart of the page shows it."""
    both = ends(line)
    cards = "" if both is None else _facts.shrunk(*both) + _facts.latency(*both)
    if not alone:
        return f'<div class="pair">{cards}</div>' if cards else ""
    way = tradeoff([line], chosen=line.run.id, width=_CURVE[0], height=300)
    return f'<div class="pair"><div class="stack">{cards}</div>{way}</div>' if cards or way else ""


def _curves(subject: Subject, line: Line) -> str:
    """Quality and loss per epoch; "" where nothing was trained."""
    if not any(event.kind == "epoch" for event in subject.events):
        return ""
    regression = is_regression(*(point.measurement for point in line.points))
    drawn = ""
    for measure in (qualities(regression)[0], "loss"):
        rows = training_rows(subject.events, subject.run.plan, measure)
        words = "Loss per epoch" if measure == "loss" else f"{QUALITIES[measure].title} per epoch"
        spec = training_spec(measure, _MODE, regression)
        drawn += figure(rows, spec, width=_CURVE[0], height=_CURVE[1], words=words)
    pruned = any(event.kind == "pruned" for event in subject.events)
    said = "Amber rules are pruning steps, amber dots what they left before healing." if pruned else ""
    return f'<div class="pair charts">{drawn}</div>' + (f'<p class="hint">{said}</p>' if said else "")


def _weights(subject: Subject) -> str:
    drawn = _layers.histograms(subject)
    said = "Bars are the weights that are left, the amber line all weights before pruning. Heights are logarithmic."
    return f'<p class="hint">{said}</p>{drawn}' if drawn else ""


def _environment(subject: Subject) -> str:
    run = subject.run
    rows = dict(subject.environment)
    if run.started is not None and run.ended is not None:
        rows["time taken"] = duration(run.ended - run.started)
    cells = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value
    )
    return f'<dl class="short">{cells}</dl>' if cells else ""


def _recipe(subject: Subject) -> str:
    return (
        '<p class="hint">Save it as recipe.yaml and do it again: <code>python -m core run recipe.yaml -o again</code>'
        '</p><div class="recipe"><button type="button" class="copy" hidden>Copy</button>'
        f"<pre>{escape(subject.recipe.strip())}</pre></div>"
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sentence(words: str) -> str:
    return f"{_capital(words)}."


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else UNKNOWN
