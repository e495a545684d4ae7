"""The wire: code generated from ``proto/`` (``make proto``), and what the messages do not say themselves."""

# The trailing metadata under which a failed call carries its kernel.proto Problem.
PROBLEM_KEY = "koalab-problem-bin"

# The initial metadata of a call that has to wait for its turn, sent as soon as it does: how many calls go before
# it, in how many milliseconds it is expected to be made, and when that is (ms since the epoch), by the server's clock.
AHEAD_KEY = "koalab-ahead"
EXPECTED_WAIT_KEY = "koalab-expected-wait-ms"
EXPECTED_START_KEY = "koalab-expected-start-ms"
# The trailing metadata of a call that took its turn: how many milliseconds it waited, all its pages together.
WAITED_KEY = "koalab-waited-ms"

# The metadata under which a client shows its token ("Bearer …"), and says that it means real orders ("yes").
AUTHORIZATION = "authorization"
ALLOW_REAL_ORDERS = "koalab-allow-real-orders"

# The metadata under which an answer without a field for it carries its kernel.proto Origin.
ORIGIN_KEY = "koalab-origin-bin"
# The metadata under which a client says for which server its order, call or stream is meant, as an Origin: any other
# refuses it. A blank ``server``: any process with those prices.
EXPECTED_KEY = "koalab-expected-bin"
