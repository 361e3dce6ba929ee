"""What makes tokens: one Protocol, several engines."""
