"""The command escape-ntk."""
