"""Widgets that take plain data and repaint only the rows that changed."""
