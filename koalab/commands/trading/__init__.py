"""Orders and the state of an account as commands: ``buy``, ``sell``, ``modify``, ``cancel``, ``open-orders`` …."""
