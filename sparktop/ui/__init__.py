"""Everything that draws on a terminal; the only room that imports Textual."""
