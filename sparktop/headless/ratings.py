"""What was said of a run's answers, as text: people first, and apart from them each model that judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sparktop.headless.columns import Align, table
from sparktop.model.document import Snapshot
from sparktop.model.rating_events import Noted
from sparktop.model.ratings import Judging, Outcome, PeopleRatings, StarMean
from sparktop.model.scenario import Dimension
from sparktop.model.strengths import FEW, Matchup, Strength
from sparktop.model.text import one_line

_OUTCOMES = {
    Outcome.FLIPPED: "changed with the order, counted as a tie",
    Outcome.UNREAD: "could not be read, counted nowhere",
    Outcome.UNFINISHED: "asked in one order only, counted nowhere",
}


def rating_lines(snapshot: Snapshot) -> list[str]:
    """Returns the lines that tell what people and models said of a run's answers."""
    lines = [f"{one_line(snapshot.scenario.title)}: ratings of {one_line(snapshot.id)}"]
    ratings = snapshot.ratings
    if ratings is None:
        return [*lines, "", "Nobody has rated its answers yet."]
    people = [*_people(ratings.people, snapshot)]
    if people:
        lines += ["", "PEOPLE", *people]
    for judging in ratings.models:
        lines += ["", *judging_lines(judging)]
    return lines


def _people(people: PeopleRatings, snapshot: Snapshot) -> Iterator[str]:
    if people.means:
        yield from _stars(people.means, snapshot.scenario.rating.dimensions)
    if people.matchups:
        yield ""
        yield "Votes between two answers"
        yield from _comparisons(people.matchups, people.strengths)
    notes = [note for note in people.notes if note.number in people.counting]
    if notes:
        yield ""
        yield "Notes"
        yield from _notes(notes, {request.request: (request.contender, request.item) for request in snapshot.requests})


def _stars(means: Sequence[StarMean], dimensions: Sequence[Dimension]) -> Iterator[str]:
    names = {dimension.id: dimension.en for dimension in dimensions}
    shown = [name for name in names if any(mean.dimension == name for mean in means)]
    shown += sorted({mean.dimension for mean in means} - set(shown))
    cells = {(mean.rater, mean.contender, mean.dimension): mean for mean in means}
    raters = dict.fromkeys(mean.rater for mean in means if mean.rater)
    rows = []
    # Of one person, everybody together is that person.
    for rater in raters if len(raters) == 1 else ("", *raters):
        for contender in dict.fromkeys(mean.contender for mean in means if mean.rater == rater):
            found = [cells.get((rater, contender, name)) for name in shown]
            texts = [f"{mean.mean:.2f} ({mean.n})" if mean is not None else "n/a" for mean in found]
            rows.append([one_line(rater) or "all", one_line(contender), *texts])
    head = ["RATER", "CONTENDER", *(one_line(names.get(name, name)).upper() for name in shown)]
    yield "Stars, mean (number of ratings)"
    yield from table(head, [Align.LEFT, Align.LEFT, *[Align.RIGHT] * len(shown)], rows)


def _notes(notes: Sequence[Noted], asked: Mapping[int, tuple[str, str]]) -> Iterator[str]:
    for note in notes:
        contender, item = asked.get(note.request, ("?", "?"))
        yield f"{one_line(item)}, {one_line(contender)}, {one_line(note.rater)}: {one_line(note.text)}"


def judging_lines(judging: Judging) -> list[str]:
    """Returns the lines that tell what one model said, each of the times that it was asked."""
    judge = judging.began.judge
    toy = " (toy)" if judge.toy else ""
    lines = [
        f"MODEL AS JUDGE: {one_line(judge.name)}{toy}, {judging.began.at[:16].replace('T', ' ')}",
        f"rubric: {one_line(judging.began.rubric.strip())}",
        (
            f"{len(judging.verdicts)} of {judging.began.planned} verdicts, in both orders of every two answers:"
            f" {judging.first_preferred} for the answer shown first, {judging.second_preferred} for the second,"
            f" {judging.ties} for neither, {judging.unread} could not be read"
        ),
    ]
    counts = {outcome: sum(pair.outcome is outcome for pair in judging.pairs) for outcome in Outcome}
    agreed = sum(count for outcome, count in counts.items() if outcome not in _OUTCOMES)
    parts = [f"{agreed} the same in both orders"]
    parts += [f"{counts[outcome]} {what}" for outcome, what in _OUTCOMES.items() if counts[outcome]]
    lines.append(f"{len(judging.pairs)} pairs: {'; '.join(parts)}")
    lines += _pairs(judging)
    if judging.matchups:
        lines += [*_comparisons(judging.matchups, judging.strengths)]
    else:
        lines.append("No pair was decided: this model says nothing about which answers are better.")
    return lines


def _pairs(judging: Judging) -> list[str]:
    rows = []
    for pair in judging.pairs:
        named = {Outcome.FIRST: pair.first.contender, Outcome.SECOND: pair.second.contender, Outcome.TIE: "neither"}
        came = named.get(pair.outcome) or _OUTCOMES[pair.outcome].partition(",")[0]
        if pair.outcome is Outcome.UNREAD:
            about = {(pair.first, pair.second), (pair.second, pair.first)}
            problems = dict.fromkeys(v.problem for v in judging.verdicts if (v.first, v.second) in about and v.problem)
            came += f": {'; '.join(problems)}"
        rows.append(
            [one_line(pair.item), one_line(pair.first.contender), one_line(pair.second.contender), one_line(came)]
        )
    return table(["ITEM", "ONE", "OTHER", "BETTER"], [Align.LEFT] * 4, rows) if rows else []


def _comparisons(pairs: Sequence[Matchup], strengths: Sequence[Strength]) -> Iterator[str]:
    rows = [
        [
            one_line(pair.first),
            one_line(pair.second),
            *map(str, (pair.n, pair.wins, pair.losses, pair.ties)),
            f"{pair.win_rate:.0%}",
            f"{pair.low:.0%} to {pair.high:.0%}",
        ]
        for pair in pairs
    ]
    head = ["FIRST", "SECOND", "N", "WON", "LOST", "TIED", "WIN RATE", "95 %"]
    yield from table(head, [Align.LEFT, Align.LEFT, *[Align.RIGHT] * 6], rows)
    if any(pair.n < FEW for pair in pairs):
        yield f"Fewer than {FEW} comparisons of two contenders tell little; the interval says how little."
    if len(strengths) > 2 or any(row.strength is not None for row in strengths):
        yield from _strengths(strengths)
    else:
        yield from (f"{one_line(row.contender)}: no Bradley-Terry strength, {row.problem}" for row in strengths)


def _strengths(strengths: Sequence[Strength]) -> Iterator[str]:
    several = len({row.group for row in strengths}) > 1
    rows = [
        [
            *([str(row.group + 1)] if several else []),
            one_line(row.contender),
            str(row.n),
            f"{row.strength:+.2f}" if row.strength is not None else "n/a",
            f"{row.low:+.2f} to {row.high:+.2f}" if row.low is not None and row.high is not None else row.problem,
        ]
        for row in strengths
    ]
    head = [*(["GROUP"] if several else []), "CONTENDER", "N", "STRENGTH", "95 %"]
    aligns = [*([Align.RIGHT] if several else []), Align.LEFT, Align.RIGHT, Align.RIGHT, Align.LEFT]
    yield "Bradley-Terry strengths: a lead of 1 wins 73 of 100 comparisons"
    yield from table(head, aligns, rows)
    if several:
        yield "Contenders of different groups were never compared, directly or through others."
