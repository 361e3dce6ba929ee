"""A server of models that judge, each by a rule that a test can foretell."""
