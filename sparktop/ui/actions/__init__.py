"""Everything a person can do, in one table: the bindings, the footer, the help and the palette come from it."""

from sparktop.ui.actions.action import Action, Scope
from sparktop.ui.actions.keys import key_name
from sparktop.ui.actions.panels import MACHINE_PANELS, PANELS
from sparktop.ui.actions.table import ACTIONS, binding, bindings, footer, of

__all__ = ["ACTIONS", "MACHINE_PANELS", "PANELS", "Action", "Scope", "binding", "bindings", "footer", "key_name", "of"]
