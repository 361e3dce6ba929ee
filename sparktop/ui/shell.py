"""What the app has on every screen: signs and themes of the terminal, sentences, help, the palette, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePath
from typing import ClassVar, Final

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme

from sparktop.resources import themes_dir
from sparktop.ui import glyphs, theme
from sparktop.ui.actions import Scope, bindings, of
from sparktop.ui.chrome import safe
from sparktop.ui.plain import PlainFilter
from sparktop.ui.ports import Ports
from sparktop.ui.screens.base import ScopedScreen

ASCII_CLASS: Final = "-ascii"
"""The class of an app whose terminal shows nothing but ASCII."""

_STYLES: Final = Path(__file__).parent


class Shell(App[int]):
    """An app that fits its terminal, and knows of no run.

    Args:
        ports: The ways out to the rest of the program.
        environ: Where TERM, LANG and NO_COLOR are read.

    Attributes:
        ports: The same.
        glyphs: Signs that the terminal can show.
        chinese: Whether the person reads Chinese.
        our_themes: What can be chosen from.
        theme_problems: A sentence for each file of the person's that is no theme.
    """

    TITLE = "sparktop"
    # A screen that brings a style sheet of its own has everything parsed anew, which is felt when it is first shown.
    CSS_PATH: ClassVar[list[str | PurePath]] = [_STYLES / "app.tcss", *sorted((_STYLES / "screens").glob("*.tcss"))]
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EVERYWHERE)
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(self, ports: Ports, environ: Mapping[str, str]) -> None:
        colourless = "NO_COLOR" in environ
        super().__init__(ansi_color=True if colourless else None)
        self.ports = ports
        self.glyphs = glyphs.choose(environ)
        self.chinese = glyphs.locale(environ).startswith("zh")
        folders = (themes_dir(), ports.places.config / "themes")
        self.our_themes, self.theme_problems = theme.read_themes(folders)
        for one in self.our_themes:
            self.register_theme(one)
        names = {one.name for one in self.our_themes}
        wanted = theme.COLOURLESS if colourless or glyphs.poor(environ) else theme.DEFAULT
        if wanted in names:
            self.theme = wanted
        self.set_class(self.glyphs.ascii, ASCII_CLASS)
        self._plain = PlainFilter(self.glyphs.ascii)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Has signs replaced where only ASCII can be shown."""
        filters = super().get_line_filters()
        return [*filters, self._plain] if self._plain.enabled else filters

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Gives every CSS variable of our own to themes that do not set it."""
        return theme.defaults()

    @property
    def can_suspend(self) -> bool:
        """Whether the terminal can be given back to the shell for a while."""
        return self._driver is not None and self._driver.can_suspend

    def say(self, sentence: str, severity: str = "information") -> None:
        """Shows a sentence for a while; it may come from anywhere and is never markup."""
        level = {"warning": "warning", "error": "error"}.get(severity, "information")
        timeout = 12 if level == "error" else 7
        self.notify(safe(sentence), severity=level, timeout=timeout, markup=False)  # type: ignore[arg-type]

    def write_snapshot(self, write: Callable[[], Path], failed: str) -> None:
        """Writes a snapshot in a thread, and says where it is.

        Args:
            write: Writes it and returns its file; it may raise OSError.
            failed: What is said before the reason if it could not be written.
        """

        def written() -> None:
            try:
                path = write()
            except OSError as error:
                self.call_from_thread(self.say, f"{failed}: {error}", "error")
            else:
                self.call_from_thread(self.say, f"Snapshot: {path}")

        self.run_worker(written, thread=True, exclusive=True, group="snapshot", exit_on_error=False)

    def action_help(self) -> None:
        """Shows every key."""
        from sparktop.ui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            scopes = self.screen.scopes if isinstance(self.screen, ScopedScreen) else ()
            self.push_screen(HelpScreen(scopes))

    def action_next_theme(self) -> None:
        """Changes to the next theme."""
        names = [one.name for one in self.our_themes]
        if names:
            at = names.index(self.theme) if self.theme in names else -1
            self.theme = names[(at + 1) % len(names)]
            self.say(f"Theme: {self.theme}")

    def action_keep_screenshot(self) -> None:
        """Writes the screen to an SVG file."""
        path = self.beside_runs("screenshots", f"sparktop-{datetime.now():%Y%m%d-%H%M%S}.svg")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.picture(), encoding="utf-8")
        except OSError as error:
            self.say(f"The screenshot could not be written: {error}", "error")
        else:
            self.say(f"Screenshot: {path}")

    def picture(self) -> str:
        """The screen as SVG."""
        from sparktop.ui.svg import position_words

        return position_words(self.export_screenshot(title="sparktop"))

    def beside_runs(self, folder: str, name: str) -> Path:
        """Where a file that is no run is written."""
        return self.ports.places.runs.parent / folder / name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Fills the palette from the table of actions, and with the themes."""
        scopes = screen.scopes if isinstance(screen, ScopedScreen) else (Scope.EVERYWHERE,)
        for action in of(scopes):
            if action.id not in ("palette", "interrupt"):
                # The palette covers the screen: the action has to run where it was asked for.
                yield SystemCommand(action.label, action.tooltip, lambda a=action: self._run_on(screen, a.handler))
        for one in self.our_themes:
            yield SystemCommand(f"Theme: {one.name}", "Change to this theme", lambda t=one: self._take_theme(t))

    def _run_on(self, screen: Screen[object], handler: str) -> None:
        self.call_later(screen.run_action, handler)

    def _take_theme(self, chosen: Theme) -> None:
        self.theme = chosen.name
