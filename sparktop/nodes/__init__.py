"""Where things run: what this machine is."""
