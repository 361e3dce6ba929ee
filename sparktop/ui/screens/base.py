"""What the screens have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import BindingType
from textual.screen import ModalScreen, Screen

from sparktop.ui.actions import Scope, binding

if TYPE_CHECKING:
    from sparktop.ui.application import SparktopApp
    from sparktop.ui.run import Run

Answer = TypeVar("Answer")
"""What a person says in a box."""


class ScopedScreen(Screen[None]):
    """A screen on which the actions of some scopes can be done."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (80, "-plain"), (100, "-wide")]  # noqa: RUF012  (Textual declares it for instances)
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (30, "-tall")]  # noqa: RUF012  (Textual declares it for instances)

    scopes: ClassVar[tuple[Scope, ...]] = (Scope.EVERYWHERE,)

    @property
    def sparktop(self) -> SparktopApp:
        """The app, by its own type."""
        return cast("SparktopApp", self.app)


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A box over a screen. It keeps the keys of the program away, but a picture can be taken of it."""

    BINDINGS: ClassVar[list[BindingType]] = [binding("screenshot")]


class RunScreen(ScopedScreen):
    """A screen about a run; `show` is called a few times a second while it is on top."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.shown = run

    def show(self) -> None:
        """Draws the run as it is now, once there is something to draw on."""
        if self.is_mounted and self.is_running:
            self.draw()

    def draw(self) -> None:
        """Draws the run as it is now."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        """Catches up with what happened while another screen was on top."""
        self.call_after_refresh(self.show)

    def may_leave_for(self, name: str) -> bool:
        """Whether another screen may be shown now; where the person has to be asked first, asks and says no."""
        return True

    def action_back(self) -> None:
        """Goes back one screen."""
        self.sparktop.go_back()
