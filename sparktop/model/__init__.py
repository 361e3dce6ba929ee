"""Pure records and arithmetic: no file, no socket, no clock, no import from another room."""
