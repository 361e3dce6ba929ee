"""What is kept of a run: the journal as it happens, the snapshot at its end, and what a crash left."""
