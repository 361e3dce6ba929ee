"""The screens' ways out, joined to the runner and the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparktop.model.records import Contender, Options
from sparktop.places import Places
from sparktop.scenarios.library import Library
from sparktop.ui.feed import Clock, Feed, MachineFeed
from sparktop.ui.ports import Nobody, Ports, Verdict

if TYPE_CHECKING:
    from sparktop.model.scenario import Scenario
    from sparktop.runner.others import Others
    from sparktop.runner.plan import Plan


def real_ports(library: Library, places: Places, clock: Clock, others: Others | None = None) -> Ports:
    """Returns the ways out of a program that runs models, here and on other machines.

    What only some screens need is imported when it is: a monitor holds nothing of engines and runs.
    """

    def demos() -> tuple[Contender, ...]:
        from sparktop.runner.contenders import demo_contenders

        return demo_contenders()

    def resolve(spec: str) -> Contender:
        from sparktop.runner.contenders import resolve_contenders

        models = others.models if others is not None else {}
        return resolve_contenders([spec], config=places.config_file, elsewhere=models)[0]

    def plan(scenario: Scenario, contenders: tuple[Contender, ...], options: Options) -> Plan:
        from sparktop.runner.plan import make_plan

        return make_plan(scenario, contenders, options)

    def fits(plan: Plan, contender: Contender) -> Verdict:
        from sparktop.runner.fit import assess

        fit = others.fits(plan, contender) if others is not None else assess(plan, contender)
        return Verdict(ok=fit.ok, sentence=fit.sentence, summed=not fit.problem)

    def open_feed(plan: Plan) -> Feed:
        # Engines and telemetry come with it: the menu shows without them.
        from sparktop.ui.live import LiveFeed

        return LiveFeed(plan, places, clock, others.fleet() if others is not None else None)

    def watch() -> MachineFeed:
        from sparktop.runner.watch import LiveMachine
        from sparktop.ui.machine_feed import LiveMachineFeed

        return LiveMachineFeed(LiveMachine(others=others.nodes() if others is not None else ()), clock)

    def recover() -> tuple[str, ...]:
        from sparktop.store import recovery

        try:
            found = recovery.recover(places.runs)
        except OSError as error:
            return (f"Interrupted runs could not be looked for: {error}",)
        return tuple(one.problem or f"An interrupted run was completed: {one.snapshot}" for one in found)

    return Ports(
        scenarios=library.list,
        demos=demos,
        resolve=resolve,
        machines=others if others is not None else Nobody(),
        plan=plan,
        fits=fits,
        open=open_feed,
        watch=watch,
        recover=recover,
        places=places,
        clock=clock,
    )
