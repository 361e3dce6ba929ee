"""What can be typed after each command, and the help that teaches it: one module for each."""
