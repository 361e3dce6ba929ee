"""What fills the terminal, one screen a file with its style beside it."""
