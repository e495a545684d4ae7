"""The control and what surrounds it.

``seam`` says what a control is, ``signature`` how it may be asked, ``thread`` and ``qt`` are the one thread
that asks it, ``host`` is both as the event loop sees them, ``ocx`` and ``simulated`` are the two controls.
"""
