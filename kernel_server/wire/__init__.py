"""The wire: code generated from ``proto/`` (``make proto``), and what the messages do not say themselves."""

# The trailing metadata under which a failed call carries its kernel.proto Problem.
PROBLEM_KEY = "koalab-problem-bin"
