"""The control: what it can do (``seam``), how it may be asked (``signature``), and the one thread that asks it (``thread``)."""
