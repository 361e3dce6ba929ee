"""Reading the machine: one module a source, each of which gives numbers or the reason why not."""
